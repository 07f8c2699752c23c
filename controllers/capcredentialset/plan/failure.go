package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// WriteRhythm is for what refuses a write: a missing right, an admission plugin. It lasts, and a person must act.
var WriteRhythm = schedule.RetryRhythm{Base: 15 * time.Second, Max: 5 * time.Minute, Patient: true}

// Failure is a row of failed tries.
type Failure struct {
	// Reason is a condition reason, Message says what happened without anything of an answer's body.
	Reason, Message string
	Count           int
	Last            time.Time
	// NotBefore is when the other side asked to be left alone until; zero: it did not.
	NotBefore time.Time
	// Rhythm of the tries: the slowest of those that the failures in this row ask for.
	Rhythm schedule.RetryRhythm
}

// Again counts one more failure. Another reason begins no new row: what fails now in one way and now in another has not worked
// in between.
func (f Failure) Again(reason, message string, at, notBefore time.Time, rhythm schedule.RetryRhythm) Failure {
	return Failure{Reason: reason, Message: message, Count: f.Count + 1, Last: at, NotBefore: notBefore, Rhythm: rhythm.Slower(f.Rhythm)}
}

// retryAt is when the next try is due. ends is until when the credential in use lives: the wait gets shorter as that comes near.
func (f Failure) retryAt(seed string, ends life, now time.Time) time.Time {
	if f.Last.After(now) {
		return now // the clock has jumped back; what it said then means nothing
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

// life is until when consumers have something that works.
type life struct {
	// dead: they have nothing now.
	dead bool
	// at is when it ends; zero: not known.
	at time.Time
}

// left is how much of it there was at a time.
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

// shorter is the one of two lives that ends first. A dead one is not made more urgent by one that is about to end: the hurry
// before the end is over then, and a thousand Secrets that end one after the other must not prolong it.
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

// Breaker keeps a portal from being asked for every role what it has refused for one: after such an answer one role alone tries,
// until there is another answer.
type Breaker struct {
	Failure
	// Open is true while the last answer spoke of the portal and not of a role.
	Open bool
}

// Fails notes an answer that speaks of the portal. Questions that were on their way together are one failure.
func (b Breaker) Fails(f Failure, asked time.Time) Breaker {
	if b.Open && asked.Before(b.Last) {
		return b
	}
	return Breaker{Failure: b.Again(f.Reason, f.Message, f.Last, f.NotBefore, f.Rhythm), Open: true}
}

// Answers notes an answer that speaks of a role: the portal works, but nothing shows yet that it works well.
func (b Breaker) Answers() Breaker {
	b.Open = false
	return b
}
