# The C types of machine_code.py.
cimport cython

ctypedef unsigned long long word_t
ctypedef unsigned char byte_t

cdef word_t _MASK, _SIDE, _DOMAIN, _FOUR_BYTES
cdef str _DIGITS
cdef bytes _ASCII

cdef class MachineCipher:
    cdef int _rounds
    cdef word_t[::1] _states
    @cython.locals(value=word_t)
    cpdef str seal(self, word_t link_id)
    @cython.locals(value=word_t, count=Py_ssize_t, no=Py_ssize_t, place=Py_ssize_t, codes=bytearray)
    @cython.locals(ids=word_t[::1], places=byte_t[::1])
    cpdef bytes seal_all(self, object link_ids)
    @cython.locals(value=word_t, digit=int)
    cpdef object open(self, str code)
    @cython.locals(left=word_t, right=word_t, no=int)
    cdef word_t _forward(self, word_t value) noexcept
    @cython.locals(left=word_t, right=word_t, no=int)
    cdef word_t _backward(self, word_t value) noexcept
    @cython.locals(v0=word_t, v1=word_t, v2=word_t, v3=word_t, block=word_t, step=int, at=int)
    cdef word_t _siphash(self, int no, word_t word) noexcept

cdef word_t _rotated(word_t word, int bits) noexcept
cdef int _digit(int character) noexcept
