"""Lock files in a folder that every user of the machine may write to.

Any user can take any lock, so the folder and its files are open to all, and whoever shares the machine can put
anything in their place: a link to a file of another user, a second name of it, a pipe. Whatever lies there, a process
writes to and removes only the file that it has locked, and reads no more than a note from it.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from snowdrift.runtime.errors import SnowdriftError

_NOTE_BYTES = 4096


class LockFile:
    """A lock that any user may take, with a note of who holds it.

    Args:
        path: of the lock file, in a folder that is there.
        note: makes the text that the file holds while this process has the lock.
    """

    def __init__(self, path: Path, note: Callable[[], str]) -> None:
        self._path, self._note = path, note
        self._locked: os.stat_result | None = None
        # Where a file system cannot free the lock of a process that has died, that is an error.
        self._lock = FileLock(
            path, mode=0o666, blocking=False, fallback_to_soft=False, on_acquired=self._on_acquired
        )

    @property
    def held(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock.is_locked

    def take(self) -> bool:
        """Take the lock if nobody holds it, without waiting; whether it has been taken.

        Raises:
            OSError: the file cannot be opened for writing, or something else has its name: a link, a folder.
        """
        with suppress(Timeout):
            self._lock.acquire()
        return self.held

    def release(self) -> None:
        """Give the lock back, and leave its file."""
        self._lock.release()

    def remove(self) -> None:
        """Give the lock back, and remove its file."""
        # The file goes first: a process that has it open sees that it is gone, and opens the next one. What another
        # user has put there since is none of ours.
        with suppress(OSError):
            if self._locked and os.path.samestat(os.lstat(self._path), self._locked):
                os.unlink(self._path)
        self._lock.release()

    def read_note(self) -> str:
        """The note of the process that holds the lock; empty if there is none.

        Raises:
            OSError: the file cannot be read.
        """
        # The flags refuse a link, and do not wait for the other end of a pipe.
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not _is_lock_file(os.fstat(descriptor)):
                return ""
            text = os.read(descriptor, _NOTE_BYTES).decode(errors="replace")
        finally:
            os.close(descriptor)
        # The note of another user ends up in a log and on a terminal, which obeys control characters.
        return "".join(letter if letter.isprintable() else "?" for letter in text)

    def _on_acquired(self, descriptor: int) -> None:
        """Write the note, through the descriptor of the locked file, which no other user can exchange."""
        self._locked = os.fstat(descriptor)
        if _is_lock_file(self._locked):
            with suppress(OSError):  # the note only tells others whom they wait for
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, self._note().encode(errors="replace")[:_NOTE_BYTES], 0)


def open_folder(path: Path) -> Path:
    """The folder of lock files, made for all users if it is not there.

    Raises:
        SnowdriftError: another user has put a link there.
        OSError: it cannot be made, or is no folder.
    """
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid()):
            raise SnowdriftError(
                f"{path}: another user has made this link, so it is not followed",
                "ask who made it, or ask the administrator to remove it",
            ) from None
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    else:
        _open_to_all(path)
    return path


def _open_to_all(folder: Path) -> None:
    # Without the sticky bit of /tmp, with which the kernel refuses to open what other users have made.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, 0o777)
    finally:
        os.close(descriptor)


def _is_lock_file(status: os.stat_result) -> bool:
    """Whether it is a plain file of one name; one of two names can be anybody's file."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
