"""One object version, the versions of a key, and the wait for one."""
