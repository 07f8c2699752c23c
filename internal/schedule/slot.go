package schedule

import "time"

// Slot is the first time at or after at that belongs to one of the clusters that share a period: each has one moment in it, at its place in
// [0,1). The periods are the same everywhere, so clusters with different places never meet, whatever made them begin.
func Slot(at time.Time, period time.Duration, place float64) time.Time {
	if period <= 0 {
		return at
	}
	mine := time.Duration(min(max(place, 0), 1) * float64(period))
	return at.Add(((mine-time.Duration(at.UnixNano())%period)%period + period) % period)
}

// Place is a place in [0,1) that depends only on the seed, for a cluster that does not know how many come before it.
func Place(seed string) float64 { return fraction(seed) }
