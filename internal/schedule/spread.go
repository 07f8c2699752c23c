package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Spread is a delay in [0, limit) that depends on the seed alone: the same cluster waits as long each time, and many clusters
// with the same spec wait for different times, so that one of them requests a rotation and the others find it. A seed drawn
// anew would move the time at each restart.
func Spread(seed string, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte(seed))
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(limit))
}
