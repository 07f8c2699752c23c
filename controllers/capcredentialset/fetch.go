package capcredentialset

import (
	"context"
	"errors"
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
	// defaultConcurrency is that of the API.
	defaultConcurrency = 4
	// defaultLifetime is that of the API: what a portal gives out by default.
	defaultLifetime = time.Hour
)

// fetch asks the portal for each role that is due, the most important first and some at a time, and writes each answer as
// it comes: a role that fails or hangs holds up nobody else's.
func (r *reconciler) fetch(ctx context.Context, s *scope) {
	if len(s.plan.Fetches) == 0 {
		return
	}
	client, err := r.openPortal(ctx, s)
	if err != nil {
		r.failAll(s, err)
		return
	}
	check := r.openChecker(ctx, s)
	concurrency := int(s.set.Spec.Endpoint.MaxConcurrentRequests)
	if concurrency < 1 {
		concurrency = defaultConcurrency
	}
	queue := make(chan plan.Fetch)
	var workers sync.WaitGroup
	for range min(concurrency, len(s.plan.Fetches)) {
		workers.Go(func() {
			for f := range queue {
				if ctx.Err() == nil && r.now().Sub(s.started).Abs() <= r.RoundBudget {
					r.refresh(ctx, s, client, check, f)
				} // else the next round goes on with what is left
			}
		})
	}
	for _, f := range s.plan.Fetches {
		queue <- f
	}
	close(queue)
	workers.Wait()
}

// failAll notes that no role could even be asked for.
func (r *reconciler) failAll(s *scope, err error) {
	s.remember(func(m *plan.Memory, _ *effects) {
		for _, f := range s.plan.Fetches {
			m.Roles[f.Role] = m.Roles[f.Role].Again(v1alpha1.ReasonInvalidSpec, err.Error()+".", r.now(), time.Time{}, plan.WriteRhythm)
		}
	})
}

// refresh gets one role's credential and gives it to the role's Secrets.
func (r *reconciler) refresh(ctx context.Context, s *scope, client portal, check checker, f plan.Fetch) {
	asked := r.now()
	credential, err := client.Fetch(ctx, f.Role)
	if ctx.Err() != nil {
		return
	}
	countCall(s.set.Name, f.Role)
	if err == nil && check != nil {
		err = r.checked(ctx, s, check, credential)
	}
	if err != nil {
		r.failed(ctx, s, f.Role, err)
		return
	}
	s.remember(func(m *plan.Memory, _ *effects) {
		delete(m.Roles, f.Role)
		m.Fetched[f.Role] = asked
	})
	r.give(ctx, s, gift{credential: credential, role: f.Role, fetched: asked, expires: s.expiry(credential, asked)}, f.Rows)
}

// expiry is until when a credential may be relied on.
func (s *scope) expiry(c awscreds.Credential, asked time.Time) time.Time {
	assumed := defaultLifetime
	if s.set.Spec.Refresh.AssumedLifetime != nil {
		assumed = s.set.Spec.Refresh.AssumedLifetime.Duration
	}
	return c.Expiry.End(asked, assumed)
}

// refusal is a credential that the portal gave and STS did not accept.
type refusal struct{ reason, message string }

func (e *refusal) Error() string { return e.reason + ": " + e.message }

// checked asks STS about a new credential. One that it refuses is not written; one that it could not be asked about is, unless
// the check is Required.
func (r *reconciler) checked(ctx context.Context, s *scope, check checker, c awscreds.Credential) error {
	result, err := check.Check(ctx, c)
	switch {
	case result.Outcome == awscreds.STSRefused:
		return &refusal{v1alpha1.ReasonCredentialRefused, "STS refuses the credential that the portal gave (" + result.Code + ")"}
	case result.Outcome == awscreds.STSAccepted:
		return nil
	case s.set.Spec.Verification.STS != v1alpha1.STSRequired:
		log.FromContext(ctx).V(1).Info("A new credential could not be checked", "problem", err)
		return nil
	}
	return &refusal{v1alpha1.ReasonSTSUnavailable, "The credential that the portal gave could not be checked: " + err.Error()}
}

// failed notes that a role has no credential for its Secrets, which stay as they are.
func (r *reconciler) failed(ctx context.Context, s *scope, role string, err error) {
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
	countFailure(s.set.Name, role, reason)
	log.FromContext(ctx).Info("No credential", "role", role, "reason", reason, "problem", message)
	s.remember(func(m *plan.Memory, _ *effects) {
		m.Roles[role] = m.Roles[role].Again(reason, withAdvice(reason, message), now, notBefore, rhythm)
	})
}

// copy gives Secrets the credential of their role from a Secret that has it fresh.
func (r *reconciler) copy(ctx context.Context, s *scope) {
	for _, c := range s.plan.Copies {
		from := s.plan.Rows[c.From]
		secret, found, _ := r.store.Get(from.Ref.Namespace, from.Ref.Name)
		if !found || awscreds.Hash(s.hashKey, secret.Data) != from.Hash {
			continue // it has changed since the plan was made; the next round sees that
		}
		credential, err := awscreds.Parse(secret.Data)
		if err != nil {
			continue
		}
		r.give(ctx, s, gift{credential: credential, role: from.Role, fetched: from.FetchedAt, expires: from.ExpiresAt, from: from.Ref.String()}, c.Rows)
	}
}

// gift is a credential for some Secrets.
type gift struct {
	credential       awscreds.Credential
	role             string
	fetched, expires time.Time
	// from is the Secret that it was copied from; empty when the portal gave it.
	from string
}

// give writes a credential into the Secrets that need it, and notes what came of each.
func (r *reconciler) give(ctx context.Context, s *scope, g gift, rows []int) {
	var written []types.NamespacedName
	for _, i := range rows {
		if ctx.Err() != nil {
			return
		}
		row := s.plan.Rows[i]
		outcome, err := r.write(ctx, s, row, g)
		now := r.now()
		s.remember(func(m *plan.Memory, e *effects) {
			if err != nil {
				m.Writes[row.Ref] = m.Writes[row.Ref].Again(err.reason, err.message, now, time.Time{}, plan.WriteRhythm)
				countFailure(s.set.Name, g.role, err.reason)
				return
			}
			delete(m.Writes, row.Ref)
			switch outcome.kind {
			case kept:
				delete(m.Suspect, outcome.hash)
				m.Confirmed[row.Ref] = plan.Confirmation{Hash: outcome.hash, Role: g.role, FetchedAt: g.fetched, ExpiresAt: outcome.expires}
			case wrote:
				delete(m.Confirmed, row.Ref)
				m.Kept[row.Ref] = true
				m.Written[row.Ref.Namespace] = g.fetched
				written = append(written, row.Ref)
				countWrite(s.set.Name)
				if row.Why == plan.WhyEdited {
					m.Healed(row.Ref, now)
					e.healed = append(e.healed, healed{row.Ref, row.Writer})
				}
			}
		})
		if err != nil {
			log.FromContext(ctx).Info("A Secret could not be written", "secret", row.Ref.String(), "reason", err.reason)
		}
	}
	if len(written) > 0 {
		log.FromContext(ctx).Info("Refreshed", "role", g.role, "secrets", len(written), "expires", g.expires, "copiedFrom", g.from)
		s.remember(func(_ *plan.Memory, e *effects) {
			e.refreshed = append(e.refreshed, refreshed{role: g.role, refs: written, expires: g.expires, from: g.from})
		})
	}
}
