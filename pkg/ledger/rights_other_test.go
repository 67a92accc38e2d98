//go:build !unix

package ledger

import "errors"

func dropRights() error { return errors.ErrUnsupported }
