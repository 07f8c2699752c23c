package capcredentialset

import (
	"context"
	"errors"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// fromMemory is the source of a credential that the process has in memory.
const fromMemory = "memory"

// copy delivers to Secrets the fresh credential of their role from another Secret, or from memory. STS checks it like one from CAP: a refused
// credential is not copied, and its role is fetched in the same round.
func (r *reconciler) copy(ctx context.Context, s *scope) {
	if len(s.plan.Copies) == 0 {
		return
	}
	check, refused := r.openChecker(ctx, s), false
	for _, c := range s.plan.Copies {
		d, ok := r.copied(s, c)
		if !ok {
			continue // it has changed since the plan was made; the next round will see that
		}
		var err error
		if check != nil {
			d.proven, err = checked(ctx, s.set.Spec.Verification.STS, check, d.credential)
		}
		var bad *refusal
		_ = errors.As(err, &bad) // nil if it is not a Secret
		switch {
		case ctx.Err() != nil:
			return
		case bad == nil:
			r.deliver(ctx, s, d, c.Rows)
		case bad.reason == v1alpha1.ReasonCredentialRefused:
			s.refuse(d)
			refused = true
		default:
			r.withhold(s, c.Rows, bad)
		}
	}
	if refused {
		r.lookAtSecrets(s, s.hashKey)
	}
}

// copied is the credential that a copy would deliver.
func (r *reconciler) copied(s *scope, c plan.Copying) (delivery, bool) {
	if c.From < 0 {
		credential, ok := s.held[c.Role]
		h := s.memory.Held[c.Role]
		return delivery{credential: credential, role: c.Role, fetched: h.FetchedAt, expires: h.ExpiresAt, expiry: h.Expiry, from: fromMemory}, ok
	}
	from := s.plan.Rows[c.From]
	credential, ok := r.credentialIn(&from, s.hashKey)
	return delivery{
		credential: credential, role: from.Role, fetched: from.FetchedAt, expires: from.ExpiresAt, expiry: from.Expiry, from: "Secret " + from.Ref.String(),
	}, ok
}

// refuse discards a credential that STS refuses, in memory and in all Secrets, which then need another one.
func (s *scope) refuse(d delivery) {
	s.memory.Refused[awscreds.Hash(s.hashKey, awscreds.Render(d.credential))] = true
	for i := range s.plan.Rows {
		if row := &s.plan.Rows[i]; row.Role == d.role && row.Usable && row.FetchedAt.Equal(d.fetched) {
			s.memory.Refused[row.Hash] = true
		}
	}
	if held, ok := s.held[d.role]; ok && held.Same(d.credential) {
		delete(s.memory.Held, d.role)
		delete(s.held, d.role)
	}
}

// withhold leaves Secrets unchanged if the spec requires an answer of STS that is missing.
func (r *reconciler) withhold(s *scope, rows []int, why *refusal) {
	now := r.now()
	for _, i := range rows {
		ref := s.plan.Rows[i].Ref
		s.memory.Writes[ref] = s.memory.Writes[ref].Again(why.reason, withAdvice(why.reason, why.message), now, time.Time{}, plan.WriteRhythm)
	}
}
