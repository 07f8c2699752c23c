package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// WriteRhythm is for refused writes (a missing right, an admission plugin), which last until a person acts.
var WriteRhythm = schedule.RetryRhythm{Base: 15 * time.Second, Max: 5 * time.Minute, Patient: true}

// Failure is a series of failed tries.
type Failure struct {
	// Reason is a condition reason, Message says what happened without anything of an answer's body.
	Reason, Message string
	Count           int
	Last            time.Time
	// NotBefore is until when the service asked to wait; zero if it did not.
	NotBefore time.Time
	// Rhythm of the retries: the slowest one among the failures in this series.
	Rhythm schedule.RetryRhythm
}

// Again counts one more failure. Another reason does not start a new series, because alternating failures had no success in between.
func (f Failure) Again(reason, message string, at, notBefore time.Time, rhythm schedule.RetryRhythm) Failure {
	return Failure{Reason: reason, Message: message, Count: f.Count + 1, Last: at, NotBefore: notBefore, Rhythm: rhythm.Slower(f.Rhythm)}
}

// retryAt is when the next try is due. ends is the end of the credential in use: the wait gets shorter as it nears.
func (f Failure) retryAt(seed string, ends life, now time.Time) time.Time {
	if f.Last.After(now) {
		return now // the clock was set back, so the earlier time means nothing
	}
	at := f.Last.Add(f.Rhythm.Backoff(f.Count, seed, ends.left(f.Last)))
	if latest := f.Last.Add(schedule.MaxRetryAfter); f.NotBefore.After(latest) {
		f.NotBefore = latest
	}
	if f.NotBefore.After(at) {
		return f.NotBefore
	}
	return at
}

// life is how long consumers have a working credential.
type life struct {
	// dead: they have none now.
	dead bool
	// at is when it ends; zero if unknown.
	at time.Time
}

// left is how much of it remains at a time.
func (l life) left(then time.Time) time.Duration {
	switch {
	case l.dead:
		return 0
	case l.at.IsZero():
		return schedule.NoHurry
	default:
		return l.at.Sub(then)
	}
}

// shorter is the one of two lives that ends first. A dead one stays as urgent as it is: the urgency before the end is over, and a thousand
// Secrets that expire one after the other must not prolong it.
func (l life) shorter(other life) life {
	switch {
	case l.dead || other.at.IsZero() && !other.dead:
		return l
	case other.dead || l.at.IsZero() || other.at.Before(l.at):
		return other
	default:
		return l
	}
}

// Breaker avoids sending CAP one failing request per role: after a failure that concerns CAP itself, only one role is tried until there is
// another answer.
type Breaker struct {
	Failure
	// Open is true while the last answer concerned CAP and not a role.
	Open bool
}

// Fails records a failure that concerns CAP. Concurrent requests count as one failure. One that is noted for the future is of a clock that was ahead.
func (b Breaker) Fails(f Failure, asked time.Time) Breaker {
	if b.Open && asked.Before(b.Last) && !b.Last.After(f.Last) {
		return b
	}
	return Breaker{Failure: b.Again(f.Reason, f.Message, f.Last, f.NotBefore, f.Rhythm), Open: true}
}

// OpenedSince is true if CAP itself has failed between a time and now.
func (b Breaker) OpenedSince(at, now time.Time) bool {
	return b.Open && b.Last.After(at) && !b.Last.After(now)
}

// Answers records an answer about a role: CAP responds, but has not shown yet that it works well.
func (b Breaker) Answers() Breaker {
	b.Open = false
	return b
}
