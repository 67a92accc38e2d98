package control

import "errors"

// listen listens on a port: Windows has Unix sockets, but permissions for them
// come from an access list that Go does not set, and versions before 2019 have
// none. The file with the token is as private as the ledger beside it.
func listen(dir string) (*place, error) { return listenTCP(dir) }

func shortDir() (string, error) { return "", errors.New("there are no short paths for sockets here") }
