from loadtest.system_calls import counted, table

SUMMARY = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 89.24    0.515722       21488        24           futex
  2.05    0.011821           2      5335           read
  0.11    0.000610           2       474         9 epoll_ctl
------ ----------- ----------- --------- --------- ----------------
100.00    0.577915          33      5833         9 total
"""


def test_the_summary_of_strace_is_read_with_and_without_errors():
    assert counted(SUMMARY) == {"futex": 24, "read": 5335, "epoll_ctl": 474}


def test_what_is_seldom_called_is_summed_up():
    alone = {"read": 2.0, "brk": 0.004, "mmap": 0.003}

    _, _, *rows = table("edge", {"read": 8.0}, alone, {"read": 1.5}, 6000).splitlines()

    assert rows == [
        "| read | 8.0 | 2.00 | 1.50 |",
        "| others | 0.0 | 0.01 | 0.00 |",
        "| all | 8.0 | 2.01 | 1.50 |",
    ]
