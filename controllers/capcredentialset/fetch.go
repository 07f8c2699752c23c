package capcredentialset

import (
	"context"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// fetch asks CAP for each role that is due, the most important first and several at a time, and writes each answer as it arrives. It waits
// briefly after each, in which time nearly all others arrive; the rest wakes the next round.
func (r *reconciler) fetch(ctx context.Context, s *scope) {
	r.land(ctx, s)
	if len(s.plan.Fetches) == 0 {
		return
	}
	for _, f := range s.plan.Fetches {
		if f.Proof {
			s.memory.Prover = f.Role
		}
	}
	client, err := r.openPortal(ctx, s)
	if err != nil {
		r.failAll(s, err)
		return
	}
	ask := r.question(ctx, s, client, r.openChecker(ctx, s))
	enough := time.NewTimer(r.AnswerWait)
	defer enough.Stop()
	mine := map[string]bool{} // requests that have been hanging for rounds are not awaited again
	for queue := s.plan.Fetches; ; {
		queue = r.sendOff(ctx, s, queue, mine, ask)
		if !anyOf(mine, s.flights.flying()) {
			return
		}
		select {
		case <-s.flights.arrived:
			r.land(ctx, s)
			enough.Reset(r.AnswerWait) // what was written meanwhile took its time too
		case <-enough.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func anyOf(wanted, there map[string]bool) bool {
	for w := range wanted {
		if there[w] {
			return true
		}
	}
	return false
}

// sendOff starts as many requests as may be pending at once, and returns the rest.
func (r *reconciler) sendOff(ctx context.Context, s *scope, queue []plan.Fetch, mine map[string]bool, ask func(role string) landing) []plan.Fetch {
	concurrency := plan.Concurrency(&s.set.Spec)
	for len(queue) > 0 && len(s.flights.flying()) < concurrency {
		f := queue[0]
		// The rest is left to the next round, which sees what has happened in the meantime.
		if ctx.Err() != nil || r.now().Sub(s.started).Abs() > r.RoundBudget || s.memory.Portal.OpenedSince(s.started, r.now()) {
			return nil
		}
		if queue = queue[1:]; f.Flying {
			continue
		}
		name := s.set.Name
		mine[f.Role] = true
		s.flights.start(f.Role, func() landing { return ask(f.Role) }, func() { r.wake(name) })
	}
	return queue
}

// question fetches one role and checks the answer with STS. It runs concurrently with the round and does not read its state.
func (r *reconciler) question(ctx context.Context, s *scope, client portal, check checker) func(role string) landing {
	set, policy, basis, proof := s.set.Name, s.set.Spec.Verification.STS, s.memory.Basis, s.askedWith()
	return func(role string) landing {
		l := landing{role: role, asked: r.now(), basis: basis, proof: proof}
		if l.credential, l.err = client.Fetch(ctx, role); ctx.Err() != nil {
			return l
		}
		countCall(set, role)
		if l.err == nil && check != nil {
			l.proven, l.err = checked(ctx, policy, check, l.credential)
		}
		return l
	}
}

// land processes the answers that have arrived, and delivers each to the Secrets that need it.
func (r *reconciler) land(ctx context.Context, s *scope) {
	for _, l := range s.flights.take() {
		switch {
		case ctx.Err() != nil:
			continue
		case l.basis != s.memory.Basis:
			r.wake(s.set.Name) // it is requested again
			continue
		case l.err != nil:
			r.failed(ctx, s, l.role, l.asked, l.err)
			s.noteTrial(l)
			continue
		}
		d := s.accept(l)
		s.noteTrial(l)
		r.portalAnswers(s, func(plan.Breaker) plan.Breaker { return plan.Breaker{} })
		for _, f := range s.plan.Fetches {
			if f.Role == l.role {
				r.deliver(ctx, s, d, f.Rows)
			}
		}
	}
}

// accept keeps a good answer in memory, and clears earlier failures.
func (s *scope) accept(l landing) delivery {
	m, expiry := s.memory, l.credential.Expiry.Plausible(l.asked)
	d := delivery{
		credential: l.credential, role: l.role, fetched: l.asked, proven: l.proven,
		expires: expiry.End(l.asked, plan.Assumed(&s.set.Spec, m)), expiry: v1alpha1.ExpiryKnowledge(expiry.Provenance.String()),
	}
	if m.Proves(l.role) {
		l.proof.At = *metaTime(l.asked)
		s.proof = &l.proof
	}
	delete(m.Roles, l.role)
	m.Fetched[l.role] = l.asked
	m.Held[l.role] = plan.Held{FetchedAt: d.fetched, ExpiresAt: d.expires, Expiry: d.expiry}
	s.held[l.role] = l.credential
	return d
}

// failAll records that no role could be requested.
func (r *reconciler) failAll(s *scope, err error) {
	for _, f := range s.plan.Fetches {
		s.memory.Roles[f.Role] = s.memory.Roles[f.Role].Again(v1alpha1.ReasonInvalidSpec, err.Error()+".", r.now(), time.Time{}, plan.WriteRhythm)
	}
}

// refusal is a credential of CAP that STS did not accept.
type refusal struct{ reason, message string }

func (e *refusal) Error() string { return e.reason + ": " + e.message }

// checked checks a new credential with STS. A refused credential is not written; if STS cannot be reached, the credential is written unless the
// check is Required.
func checked(ctx context.Context, policy v1alpha1.STSPolicy, check checker, c awscreds.Credential) (proven bool, _ error) {
	result, err := check.Check(ctx, c)
	switch {
	case result.Outcome == awscreds.STSRefused:
		return false, &refusal{v1alpha1.ReasonCredentialRefused, "STS refuses the credential from CAP (" + result.Code + ")"}
	case result.Outcome == awscreds.STSAccepted:
		return true, nil
	case policy != v1alpha1.STSRequired:
		log.FromContext(ctx).V(1).Info("A new credential could not be checked", "problem", err)
		return false, nil
	}
	return false, &refusal{v1alpha1.ReasonSTSUnavailable, "The credential from CAP could not be checked: " + err.Error()}
}

// failed records that a role has no credential for its Secrets, which stay as they are.
func (r *reconciler) failed(ctx context.Context, s *scope, role string, asked time.Time, err error) {
	now := r.now()
	reason, message, rhythm := v1alpha1.ReasonInternalError, "The credential could not be fetched.", schedule.DefaultRetryRhythm
	var notBefore time.Time
	var bad *cap.Error
	var refused *refusal
	switch {
	case errors.As(err, &bad):
		reason, message, rhythm = string(bad.Class), bad.Message, bad.Class.Rhythm()
		if bad.RetryAfter > 0 {
			notBefore = now.Add(bad.RetryAfter)
		}
	case errors.As(err, &refused):
		reason, message = refused.reason, refused.message
	}
	told := withAdvice(reason, message)
	if bad != nil {
		told = tell(bad)
	}
	countFailure(s.set.Name, role, reason)
	log.FromContext(ctx).Info("No credential", "role", role, "reason", reason, "problem", message)
	f := plan.Failure{Reason: reason, Message: told, Last: now, NotBefore: notBefore, Rhythm: rhythm}
	s.memory.Roles[role] = s.memory.Roles[role].Again(f.Reason, f.Message, now, notBefore, rhythm)
	r.portalAnswers(s, func(b plan.Breaker) plan.Breaker {
		if bad != nil && bad.Class.Everywhere() {
			return b.Fails(f, asked)
		}
		return b.Answers()
	})
}
