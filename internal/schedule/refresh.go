package schedule

// When a short-lived credential is fetched anew: early enough that a failure leaves time to try again, at different times
// for different roles, and at once whenever the bookkeeping cannot be trusted.

import (
	"math"
	"strconv"
	"time"
)

const (
	// MaxCredentialLifetime is the longest that AWS STS lets any session credential live (GetSessionToken and
	// GetFederationToken: 36 hours; AssumeRole: 12). Bookkeeping that claims more is wrong.
	MaxCredentialLifetime = 36 * time.Hour
	// ClockTolerance is how far in the future a time in the bookkeeping may lie before it counts as wrong. Machines that take
	// over the lead from each other are seconds apart under NTP; times in annotations are cut to seconds.
	ClockTolerance = time.Minute
	// defaultAtLifetimePercent stands in for a percentage outside of 1 to 99, as the API's default does: half of the life is
	// left for trying again.
	defaultAtLifetimePercent = 50
)

// RefreshPolicy says when in its life a credential is fetched anew.
type RefreshPolicy struct {
	// AtLifetimePercent of the lifetime.
	AtLifetimePercent int
	// JitterPercent of the lifetime by which it may come earlier.
	JitterPercent int
	// Seed decides how much earlier: the same for the same seed, always. One per role and set spreads them.
	Seed string
}

// RefreshReason says why a refresh is due, or that it is not.
type RefreshReason string

const (
	// RefreshNotDue: the time has not come.
	RefreshNotDue RefreshReason = "NotDue"
	// RefreshScheduled: the time has come.
	RefreshScheduled RefreshReason = "Scheduled"
	// RefreshExpired: the credential is dead.
	RefreshExpired RefreshReason = "Expired"
	// RefreshUnknown: there is no bookkeeping, or only half of it.
	RefreshUnknown RefreshReason = "Unknown"
	// RefreshClockJumped: it was fetched in the future, so a clock was wrong then or is wrong now.
	RefreshClockJumped RefreshReason = "ClockJumped"
	// RefreshAbsurd: it expires before it was fetched, or later than any credential lives.
	RefreshAbsurd RefreshReason = "Absurd"
)

// Refresh is when to fetch anew, and why.
type Refresh struct {
	Due    bool
	At     time.Time
	Reason RefreshReason
}

// RefreshAt is when a credential that was fetched and expires at the given times is fetched anew: at atLifetimePercent of its
// lifetime, and earlier by as much of jitterPercent as the seed decides, but never before half of that time, so that a large
// jitter cannot make refreshes follow upon each other. For times that make no sense it is fetched: at once.
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

// RefreshDue says whether a credential is to be fetched anew at now. Whatever the bookkeeping does not make certain is due: missing
// times, times in the future, lifetimes that no credential has. A refresh too many costs a request; a wait on a wrong time
// costs the cluster its credentials.
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

// RetryRhythm is how long to wait after failures: Base after the first, twice as long after each further one, at most Max.
type RetryRhythm struct {
	Base, Max time.Duration
	// Patient rhythms do not hurry as an expiry nears: what a person must mend is not mended sooner by asking more often.
	Patient bool
}

// Slower of two rhythms, for what fails now in one way and now in another.
func (r RetryRhythm) Slower(other RetryRhythm) RetryRhythm {
	return RetryRhythm{Base: max(r.Base, other.Base), Max: max(r.Max, other.Max), Patient: r.Patient || other.Patient}
}

const (
	// NoHurry is how much life is left of what is not known to end.
	NoHurry = time.Duration(math.MaxInt64)
	// hurryFraction: with less life left than this many times the wait, the wait is shortened, so that at least so many tries
	// fit into what is left, whatever went before.
	hurryFraction = 10
	// minBackoff keeps even the most urgent role from asking more than some ten times a minute: the portal has the same
	// trouble with everybody at that moment.
	minBackoff = 5 * time.Second
	// deadMaxBackoff is for a role whose credential is dead already: the cluster suffers, so a portal that comes back should
	// be noticed within a minute.
	deadMaxBackoff = time.Minute
)

// MaxRetryAfter is the longest that a portal may ask to be left alone, for everybody who heeds it: half of the half hour that an hour's
// credential has left when its refresh begins. A longer wish counts as this one.
const MaxRetryAfter = 15 * time.Minute

// DefaultRetryRhythm suits a portal that is briefly away: ten tries in the first half hour, which is what is left of a
// one-hour credential when its refresh begins.
var DefaultRetryRhythm = RetryRhythm{Base: 5 * time.Second, Max: 5 * time.Minute}

// Backoff is how long to wait after so many failures in a row, when what is in use had so much life left at the last of them:
// nothing or less when it is dead or missing, NoHurry when that is not known. It grows from Base to Max, hurries as the expiry
// nears unless the rhythm is patient, and is up to a fifth shorter by the seed, so that roles that failed together do not come
// back together. Hurrying does not go below minBackoff less that fifth.
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
