package lockfile

// removeFirst: a file that is open cannot be removed.
const removeFirst = false
