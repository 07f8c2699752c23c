package schedule

// When a short-lived credential is refreshed: early enough to leave time for retries, at different times for different roles, and at once if the
// bookkeeping cannot be trusted.

import (
	"math"
	"strconv"
	"time"
)

const (
	// MaxCredentialLifetime is the longest lifetime that AWS STS allows for any session credential (GetSessionToken and GetFederationToken: 36
	// hours; AssumeRole: 12). Bookkeeping that claims more is wrong.
	MaxCredentialLifetime = 36 * time.Hour
	// ClockTolerance is how far in the future a time in the bookkeeping may lie before it counts as wrong. Under NTP the clocks of two successive
	// leaders are seconds apart, and times in annotations are truncated to seconds.
	ClockTolerance = time.Minute
	// defaultAtLifetimePercent replaces a percentage outside of 1 to 99. Like the API's default it leaves half of the life for retries.
	defaultAtLifetimePercent = 50
)

// RefreshPolicy says when in its life a credential is refreshed.
type RefreshPolicy struct {
	// AtLifetimePercent of the lifetime.
	AtLifetimePercent int
	// JitterPercent of the lifetime by which the refresh may come earlier.
	JitterPercent int
	// Seed determines how much earlier. One seed per role and set spreads the refreshes.
	Seed string
}

// RefreshReason says why a refresh is due, or that it is not due.
type RefreshReason string

const (
	// RefreshNotDue: the time has not come.
	RefreshNotDue RefreshReason = "NotDue"
	// RefreshScheduled: the time has come.
	RefreshScheduled RefreshReason = "Scheduled"
	// RefreshExpired: the credential has expired.
	RefreshExpired RefreshReason = "Expired"
	// RefreshUnknown: there is no bookkeeping, or only half of it.
	RefreshUnknown RefreshReason = "Unknown"
	// RefreshClockJumped: it was fetched in the future, so a clock was or is wrong.
	RefreshClockJumped RefreshReason = "ClockJumped"
	// RefreshAbsurd: it expires before it was fetched, or later than any credential can.
	RefreshAbsurd RefreshReason = "Absurd"
)

// Refresh says when to refresh, and why.
type Refresh struct {
	Due    bool
	At     time.Time
	Reason RefreshReason
}

// RefreshAt is when to refresh a credential with the given times: at atLifetimePercent of its lifetime, or earlier by up to jitterPercent
// depending on the seed, but never before half of that time, so that a large jitter cannot cause constant refreshes. For inconsistent times it
// returns fetched, which means at once.
func RefreshAt(fetched, expires time.Time, atLifetimePercent, jitterPercent int, seed string) time.Time {
	lifetime := expires.Sub(fetched)
	if lifetime <= 0 {
		return fetched
	}
	if atLifetimePercent < 1 || atLifetimePercent > 99 {
		atLifetimePercent = defaultAtLifetimePercent
	}
	at := time.Duration(float64(lifetime) * float64(atLifetimePercent) / 100)
	earlier := time.Duration(float64(lifetime) * float64(max(jitterPercent, 0)) / 100 * fraction(seed))
	return fetched.Add(max(at-earlier, at/2))
}

// RefreshDue says whether a credential must be refreshed now. Doubtful bookkeeping makes it due: missing times, times in the future, impossible
// lifetimes. A needless refresh costs a request; waiting for a wrong time costs the cluster its credentials.
func RefreshDue(now, fetchedAt, expiresAt time.Time, p RefreshPolicy) Refresh {
	switch {
	case fetchedAt.IsZero() || expiresAt.IsZero():
		return Refresh{Due: true, At: now, Reason: RefreshUnknown}
	case fetchedAt.After(now.Add(ClockTolerance)):
		return Refresh{Due: true, At: now, Reason: RefreshClockJumped}
	case !expiresAt.After(now):
		return Refresh{Due: true, At: now, Reason: RefreshExpired}
	case !expiresAt.After(fetchedAt) || expiresAt.Sub(fetchedAt) > MaxCredentialLifetime+ClockTolerance:
		return Refresh{Due: true, At: now, Reason: RefreshAbsurd}
	}
	at := RefreshAt(fetchedAt, expiresAt, p.AtLifetimePercent, p.JitterPercent, p.Seed)
	if at.After(now) {
		return Refresh{At: at, Reason: RefreshNotDue}
	}
	return Refresh{Due: true, At: at, Reason: RefreshScheduled}
}

// RetryRhythm is how long to wait after failures: Base after the first, doubling with each further one, at most Max.
type RetryRhythm struct {
	Base, Max time.Duration
	// Patient rhythms do not speed up as an expiry nears: frequent retries do not help with what somebody must fix.
	Patient bool
}

// Slower returns the slower of two rhythms, for alternating kinds of failure.
func (r RetryRhythm) Slower(other RetryRhythm) RetryRhythm {
	return RetryRhythm{Base: max(r.Base, other.Base), Max: max(r.Max, other.Max), Patient: r.Patient || other.Patient}
}

const (
	// NoHurry stands for the remaining life if the expiry is unknown.
	NoHurry = time.Duration(math.MaxInt64)
	// hurryFraction is how many retries must still fit into the remaining life; the wait is shortened accordingly.
	hurryFraction = 10
	// minBackoff limits even the most urgent role to some ten requests a minute: all clients of CAP are probably failing at that moment.
	minBackoff = 5 * time.Second
	// deadMaxBackoff is for a role whose credential has expired: the cluster suffers, so the end of an outage must be noticed within a minute.
	deadMaxBackoff = time.Minute
)

// MaxRetryAfter limits CAP's Retry-After: it is half of the half hour that a one-hour credential has left when its refresh begins.
const MaxRetryAfter = 15 * time.Minute

// DefaultRetryRhythm suits a short outage: ten tries in the first half hour, which is what a one-hour credential has left when its refresh
// begins.
var DefaultRetryRhythm = RetryRhythm{Base: 5 * time.Second, Max: 5 * time.Minute}

// Backoff is how long to wait after a number of failures in a row. left is the remaining life of the credential in use at the last failure: at
// most zero if it has expired or is missing, NoHurry if unknown. The wait grows from Base to Max, shrinks as the expiry nears unless the rhythm
// is patient, and is up to a fifth shorter depending on the seed, so that roles that failed together do not retry together. It never shrinks
// below minBackoff less that fifth.
func (r RetryRhythm) Backoff(failures int, seed string, left time.Duration) time.Duration {
	wait := Doubled(r.Base, r.Max, failures)
	switch {
	case r.Patient || left == NoHurry:
	case left <= 0:
		wait = min(wait, deadMaxBackoff)
	default:
		wait = min(wait, max(left/hurryFraction, minBackoff))
	}
	return wait - Spread(seed+"/"+strconv.Itoa(failures), wait/5)
}
