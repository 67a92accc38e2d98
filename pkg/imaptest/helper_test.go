package imaptest

import (
	"crypto/sha256"
	"encoding/hex"
)

func digest(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
