package capcredentialset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// Edits are tested at once: otherwise a mistake would show only when something is due, perhaps half an hour later, when its author has left.

// authoritiesPause is the interval between reads of CAs in ConfigMaps, which are not watched: people who change one look at the status within
// minutes, and a read is a request to the API server.
const authoritiesPause = 5 * time.Minute

// noAuthorities is the digest of missing CAs.
const noAuthorities = "none"

// lookAtAuthorities notices that the CAs have changed. CAs that cannot be read do not count as a change.
func (r *reconciler) lookAtAuthorities(ctx context.Context, s *scope, now time.Time) {
	what := fmt.Sprint(s.set.Generation, "/", s.certificateBasis)
	recent := now.Sub(s.authoritiesAt).Abs() < authoritiesPause && s.authoritiesFor == what
	if s.certificateErr != nil || s.hold != nil || recent {
		return
	}
	s.authoritiesAt, s.authoritiesFor = now, what
	var missing *caError
	switch t, err := r.authorities(ctx, s); {
	case errors.As(err, &missing):
		s.authorities = noAuthorities
	case err != nil:
		log.FromContext(ctx).Info("The CAs of CAP's certificate could not be read", "problem", err)
	case t.digest != "":
		s.authorities = t.digest
	}
}

// askedWith identifies the current inputs of requests to CAP.
func (s *scope) askedWith() v1alpha1.CAPProof {
	p := v1alpha1.CAPProof{Generation: s.set.Generation, Authorities: s.authorities}
	if s.certificate != nil {
		p.Certificate = s.certificate.Fingerprint
	}
	return p
}

// unproven is true while CAP has given no good answer with the current inputs.
func (s *scope) unproven() bool {
	proof, now := s.latestProof(), s.askedWith()
	if proof == nil || now.Authorities == "" { // unknown, but not the change
		return proof == nil || proof.Generation != now.Generation || proof.Certificate != now.Certificate
	}
	now.At = proof.At
	return *proof != now
}

// latestProof is the proof in memory, or else in the status.
func (s *scope) latestProof() *v1alpha1.CAPProof {
	if s.proof != nil {
		return s.proof
	}
	return s.set.Status.Proof
}

// setUnproven reports that all is fresh, but that the next refresh may fail.
func (s *scope) setUnproven(total int) {
	f := s.memory.Portal.Failure
	if role, ok := s.memory.Roles[s.memory.Prover]; ok && !s.memory.Portal.Open {
		f = role
	}
	words := fmt.Sprintf("All %d credentials are fresh, but CAP has given no good answer since the spec, the client certificate or a CA was changed. ", total)
	switch {
	case f.Count == 0:
		conditions.Progressing(s.set, v1alpha1.ReasonEditNotProven, fmt.Sprintf("All %d credentials are fresh. The operator is checking whether "+
			"CAP still answers well after a change of the spec, the client certificate or a CA.", total))
	case needsPerson[f.Reason]:
		conditions.Stalled(s.set, v1alpha1.ReasonEditNotProven, words+s.firstFailure(f))
	default:
		conditions.Failing(s.set, v1alpha1.ReasonEditNotProven, words+s.firstFailure(f))
	}
}

// firstFailure describes the failure, and how much time is left to fix it.
func (s *scope) firstFailure(f plan.Failure) string {
	return fmt.Sprintf("%s: %s%s", f.Reason, f.Message, s.firstExpiry())
}
