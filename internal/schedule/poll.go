package schedule

import "time"

// How often OCM is polled while a rotation is under way. OCM takes at most a day until it issues credentials and five days until it revokes the
// old ones; that must cost less than 300 requests, token exchanges included (an access token lives 15 minutes, so nearly every late poll needs
// one). The minimum suits quick rotations, tests and demos; the maximum is short compared to what it waits for: OCM's batches are six hours
// apart, and the old credentials live for days.
const (
	IssuePollMin      = time.Minute
	IssuePollMax      = 40 * time.Minute
	RevocationPollMin = 5 * time.Minute
	RevocationPollMax = 6 * time.Hour
)

// pollShare: the interval is a quarter of the time waited so far, so an event is noticed at most a quarter late.
const pollShare = 4

// PollInterval is how long to wait before the next poll of something that has been awaited for age: a quarter of that, at least shortest and at
// most longest. A negative age, after the clock was set back, counts as zero.
func PollInterval(age, shortest, longest time.Duration) time.Duration {
	return min(max(age/pollShare, shortest), max(longest, shortest))
}

// Due returns T, the time after which the account's pull secret must have been rotated: the later of rotateAfter and the last tick of the
// schedule since the object was created, ignoring times in the future. ok is false if there is no such T yet. next is the first T in the future,
// nil if there is none.
func Due(rotateAfter *time.Time, s *Schedule, createdAt, now time.Time) (t time.Time, ok bool, next *time.Time) {
	sooner := func(candidate time.Time) {
		if next == nil || candidate.Before(*next) {
			next = &candidate
		}
	}
	if rotateAfter != nil {
		if rotateAfter.After(now) {
			sooner(*rotateAfter)
		} else {
			t, ok = *rotateAfter, true
		}
	}
	if s != nil {
		if tick, found := LastTick(*s, createdAt, now); found && (!ok || tick.After(t)) {
			t, ok = tick, true
		}
		if tick, found := NextTick(*s, now); found {
			sooner(tick)
		}
	}
	return t, ok, next
}
