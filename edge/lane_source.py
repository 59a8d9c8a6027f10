"""Whose lane a shipper sends, and what that adds: this process's own, or one that a dead process left in its spool."""

from edge.lane_registration import Registration
from edge.lane_stream import LaneStream
from edge.recorder import Recorder
from edge.spool import Spool


class OwnLane:
    """The lane to which this process's recorder appends, until finish()."""

    def __init__(self, spool: Spool, recorder: Recorder) -> None:
        self.spool = spool
        self._recorder = recorder
        self._is_finished = False

    def finish(self) -> None:
        """No more taps will be answered."""
        self._is_finished = True

    @property
    def is_complete(self) -> bool:
        """Whether no click will be added to the spool, not even one that waits in memory for room on the disk."""
        return self._is_finished and not self._recorder.unspooled_bytes

    def answered(self, spooled: int) -> int:
        """Visits of this lane that were answered."""
        return self._recorder.answered

    def unrecorded(self, spooled: int) -> int:
        """Those of them that are lost."""
        return self._recorder.unrecorded

    async def read_former_report(self, registration: Registration) -> None:
        """This process knows its lane better than its last report."""

    async def has_sent(self, last_seq: int, settled: int, stream: LaneStream) -> bool:
        """Whether a stream that goes beyond the spool is this lane's: never, what this process sent is in its spool."""
        return False


class AdoptedLane:
    """The lane of a dead process: complete, and known by its spool, its stream and its last report."""

    is_complete = True

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._answered_before = 0  # as the dead process reported

    def answered(self, spooled: int) -> int:
        return max(spooled, self._answered_before)

    def unrecorded(self, spooled: int) -> int:
        return self.answered(spooled) - spooled

    async def read_former_report(self, registration: Registration) -> None:
        former = await registration.read_report()
        if former is not None:
            self._answered_before = max(self._answered_before, former.answered)

    async def has_sent(self, last_seq: int, settled: int, stream: LaneStream) -> bool:
        """Whether a stream that goes beyond the spool is this lane's: a power cut took the end of the spool."""
        last_in_stream = await stream.last_frame_seq()
        return last_seq <= settled if last_in_stream is None else last_in_stream == last_seq


Lane = OwnLane | AdoptedLane
