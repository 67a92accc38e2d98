//go:build !linux

package diagnosis

// readSystem reads the process's processor time, and nothing else.
func readSystem(r *Reading) { r.used = processTime() }
