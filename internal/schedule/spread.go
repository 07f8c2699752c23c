package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Spread is a delay in [0, limit) that depends only on the seed: clusters with the same spec wait for different times, so that one of them
// requests a rotation and the others find it. A random seed would change the delay at each restart.
func Spread(seed string, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(fraction(seed) * float64(limit))
}

// fraction maps a seed to a number in [0,1), the same on every machine and in every version.
func fraction(seed string) float64 {
	sum := sha256.Sum256([]byte(seed))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// Doubled is the wait after a number of failures in a row: base after the first, doubling with each further one, at most limit.
func Doubled(base, limit time.Duration, failures int) time.Duration {
	wait := base
	for i := 1; i < failures && wait < limit; i++ {
		wait *= 2
	}
	return min(wait, limit)
}
