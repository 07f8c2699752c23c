package capcredentialset

import (
	"context"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// check checks the credentials in the Secrets with STS when that is due, and replans if STS refuses one: a credential whose sessions were
// revoked, or that expired earlier than assumed, is replaced at once.
func (r *reconciler) check(ctx context.Context, s *scope) {
	if len(s.plan.Checks) == 0 {
		return
	}
	refused := false
	checker := r.openChecker(ctx, s)
	for _, i := range s.plan.Checks {
		if ctx.Err() != nil || r.now().Sub(s.started).Abs() > r.RoundBudget {
			return
		}
		refused = r.inPlace(ctx, s, checker, s.plan.Rows[i]) == awscreds.STSRefused || refused
	}
	if refused {
		r.lookAtSecrets(s, s.hashKey)
	}
}

// lives is true if the credential in a Secret can be expected to work: STS has accepted it, or is not asked.
func (r *reconciler) lives(ctx context.Context, s *scope, row plan.Row) bool {
	if !s.checksSTS() {
		return true
	}
	return r.inPlace(ctx, s, r.openChecker(ctx, s), row) == awscreds.STSAccepted
}

// inPlace checks the credential in a Secret with STS, and records the answer.
func (r *reconciler) inPlace(ctx context.Context, s *scope, check checker, row plan.Row) awscreds.STSOutcome {
	credential, ok := r.credentialIn(&row, s.hashKey)
	if check == nil || !ok {
		return awscreds.STSUnknown
	}
	result, err := check.Check(ctx, credential)
	if ctx.Err() != nil {
		return awscreds.STSUnknown
	}
	if err != nil {
		log.FromContext(ctx).V(1).Info("A credential in place could not be checked", "secret", row.Ref.String(), "problem", err)
	}
	if result.Outcome == awscreds.STSRefused {
		log.FromContext(ctx).Info("STS refuses the credential in a Secret", "secret", row.Ref.String(), "code", result.Code)
	}
	s.remember(func(m *plan.Memory, _ *effects) { s.noteCheck(m, row, result, r.now()) })
	return result.Outcome
}

// noteCheck notes what STS says about what a Secret holds. The caller holds the lock of the memory.
func (s *scope) noteCheck(m *plan.Memory, row plan.Row, result awscreds.STSResult, now time.Time) {
	m.Asked[row.Hash] = now
	if result.Outcome != awscreds.STSRefused {
		return
	}
	m.Refused[row.Hash] = true
	if h, ok := m.Held[row.Role]; ok && !h.FetchedAt.After(row.FetchedAt) {
		delete(m.Held, row.Role)
		delete(s.held, row.Role)
	}
	// STS refuses revoked sessions with other codes, which say nothing about the lifetime.
	if strings.HasPrefix(result.Code, "ExpiredToken") && row.Expiry != v1alpha1.ExpiryTold && now.Before(row.ExpiresAt) {
		m.Learned = now.Sub(row.FetchedAt)
	}
}
