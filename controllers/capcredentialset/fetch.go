package capcredentialset

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

const (
	// defaultConcurrency is the API's default.
	defaultConcurrency = 4
)

// landing is an answer of CAP.
type landing struct {
	role       string
	asked      time.Time
	credential awscreds.Credential
	// proven is true if STS has accepted it.
	proven bool
	err    error
	// basis identifies the request's inputs: an answer for another spec or certificate is useless.
	basis string
	// proof is what a good answer proves about CAP.
	proof v1alpha1.CAPProof
}

// flights are the pending requests to CAP. They outlive a round: a hanging one holds up only its own role, and its answer wakes the set.
type flights struct {
	mu    sync.Mutex
	roles map[string]bool
	// landed are answers that no round has processed yet.
	landed []landing
	// arrived signals the waiting round.
	arrived chan struct{}
	// underWay are all pending requests, including those of a process that is ending.
	underWay sync.WaitGroup
}

func newFlights() *flights {
	return &flights{roles: map[string]bool{}, arrived: make(chan struct{}, 1)}
}

// take returns the answers that have arrived.
func (f *flights) take() []landing {
	f.mu.Lock()
	defer f.mu.Unlock()
	landed := f.landed
	f.landed = nil
	for _, l := range landed {
		delete(f.roles, l.role)
	}
	return landed
}

// flying are the roles whose answers have not been processed.
func (f *flights) flying() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.roles)
}

// start sends a request.
func (f *flights) start(role string, question func() landing, landed func()) {
	f.mu.Lock()
	f.roles[role] = true
	f.mu.Unlock()
	f.underWay.Go(func() {
		l := question()
		f.mu.Lock()
		f.landed = append(f.landed, l)
		f.mu.Unlock()
		select {
		case f.arrived <- struct{}{}:
		default:
		}
		landed()
	})
}

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
	concurrency := int(s.set.Spec.Endpoint.MaxConcurrentRequests)
	if concurrency < 1 {
		concurrency = defaultConcurrency
	}
	for len(queue) > 0 && len(s.flights.flying()) < concurrency {
		f := queue[0]
		// The rest is left to the next round, which sees what has happened in the meantime.
		if ctx.Err() != nil || r.now().Sub(s.started).Abs() > r.RoundBudget || s.memory.Portal.Open && s.memory.Portal.Last.After(s.started) {
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
		g := s.accept(l)
		s.noteTrial(l)
		r.portalAnswers(s, func(plan.Breaker) plan.Breaker { return plan.Breaker{} })
		for _, f := range s.plan.Fetches {
			if f.Role == l.role {
				r.deliver(ctx, s, g, f.Rows)
			}
		}
	}
}

// accept keeps a good answer in memory, and clears earlier failures.
func (s *scope) accept(l landing) gift {
	m, expiry := s.memory, l.credential.Expiry.Plausible(l.asked)
	g := gift{
		credential: l.credential, role: l.role, fetched: l.asked, proven: l.proven,
		expires: expiry.End(l.asked, plan.Assumed(&s.set.Spec, m)), expiry: v1alpha1.ExpiryKnowledge(expiry.Provenance.String()),
	}
	if m.Proves(l.role) {
		l.proof.At = *metaTime(l.asked)
		s.proof = &l.proof
	}
	delete(m.Roles, l.role)
	m.Fetched[l.role] = l.asked
	m.Held[l.role] = plan.Held{FetchedAt: g.fetched, ExpiresAt: g.expires, Expiry: g.expiry}
	s.held[l.role] = l.credential
	return g
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

// gift is a credential to deliver to some Secrets.
type gift struct {
	credential       awscreds.Credential
	role             string
	fetched, expires time.Time
	// expiry says how expires is known.
	expiry v1alpha1.ExpiryKnowledge
	// proven is true if STS has accepted it.
	proven bool
	// from is where it was copied from; empty if it comes from CAP.
	from string
}

// deliver writes a credential to the Secrets that need it, several at a time, and records each outcome.
func (r *reconciler) deliver(ctx context.Context, s *scope, g gift, rows []int) {
	all := r.writeAll(ctx, s, g, rows)
	var written []types.NamespacedName
	for _, w := range all {
		row := s.plan.Rows[w.row]
		s.remember(func(m *plan.Memory, e *effects) { r.noteWrite(s, m, e, g, row, w) })
		switch {
		case w.err != nil:
			log.FromContext(ctx).Info("A Secret could not be written", "secret", row.Ref.String(), "reason", w.err.reason)
		case w.outcome.kind == wrote:
			written = append(written, row.Ref)
		}
	}
	if len(written) > 0 {
		log.FromContext(ctx).Info("Refreshed", "role", g.role, "secrets", len(written), "expires", g.expires, "copiedFrom", g.from)
		s.remember(func(_ *plan.Memory, e *effects) {
			e.refreshed = append(e.refreshed, refreshed{role: g.role, refs: written, expires: g.expires, from: g.from})
		})
	}
}

// written is what came of a row.
type written struct {
	row     int
	outcome outcome
	err     *writeError
}

// writeAll writes the rows' Secrets, as many side by side as Options.Writers says. It gives what came of them in the order of the rows;
// what was not begun when ctx ended is left out.
func (r *reconciler) writeAll(ctx context.Context, s *scope, g gift, rows []int) []written {
	all := make([]written, len(rows))
	next := make(chan int)
	begun := 0
	var writers sync.WaitGroup
	for range min(r.Writers, len(rows)) {
		writers.Go(func() {
			for i := range next {
				w := &all[i]
				w.row = rows[i]
				w.outcome, w.err = r.write(ctx, s, s.plan.Rows[w.row], g)
			}
		})
	}
	for ; begun < len(rows) && ctx.Err() == nil; begun++ {
		next <- begun
	}
	close(next)
	writers.Wait()
	return all[:begun]
}

// noteWrite notes what came of a row. The caller holds the lock of the memory.
func (r *reconciler) noteWrite(s *scope, m *plan.Memory, e *effects, g gift, row plan.Row, w written) {
	now := r.now()
	if w.err != nil {
		m.Writes[row.Ref] = m.Writes[row.Ref].Again(w.err.reason, w.err.message, now, time.Time{}, plan.WriteRhythm)
		countFailure(s.set.Name, g.role, w.err.reason)
		return
	}
	delete(m.Writes, row.Ref)
	if g.proven {
		m.Asked[w.outcome.hash] = now
		delete(m.Refused, w.outcome.hash)
	}
	switch w.outcome.kind {
	case kept:
		delete(m.Suspect, w.outcome.hash)
		m.Confirmed[row.Ref] = plan.Confirmation{Hash: w.outcome.hash, Role: g.role, FetchedAt: g.fetched, ExpiresAt: w.outcome.expires, Expiry: w.outcome.expiry}
	case wrote:
		delete(m.Confirmed, row.Ref)
		m.Kept[row.Ref] = true
		m.Written[row.Ref.Namespace] = g.fetched
		countWrite(s.set.Name)
		if row.SetsRight() {
			m.Healed(row.Ref, row.Writer, now)
		}
		if row.Why == plan.WhyEdited {
			e.healed = append(e.healed, healed{row.Ref, row.Writer})
		}
	}
}
