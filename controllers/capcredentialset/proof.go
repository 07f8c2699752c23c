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

// An edit is proven: what CAP is asked with may be wrong for half an hour before anything is due, and whoever has made the mistake
// has gone home by then.

// authoritiesPause is between two looks at CAs that lie in ConfigMaps, which are not watched: whoever changes one looks at the status
// within minutes, and a look is a request to the API server.
const authoritiesPause = 5 * time.Minute

// noAuthorities is the digest of CAs that are missing.
const noAuthorities = "none"

// lookAtAuthorities notices that the CAs have changed. One that cannot be read at present is no change.
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
		log.FromContext(ctx).Info("The CAs of CAP's certificate are not known", "problem", err)
	case t.digest != "":
		s.authorities = t.digest
	}
}

// askedWith is what CAP is asked with at present.
func (s *scope) askedWith() v1alpha1.CAPProof {
	p := v1alpha1.CAPProof{Generation: s.set.Generation, Authorities: s.authorities}
	if s.certificate != nil {
		p.Certificate = s.certificate.Fingerprint
	}
	return p
}

// unproven is true while CAP has not answered well to what it is asked with at present.
func (s *scope) unproven() bool {
	proof, now := s.latestProof(), s.askedWith()
	if proof == nil || now.Authorities == "" { // which is not known, and not what was changed
		return proof == nil || proof.Generation != now.Generation || proof.Certificate != now.Certificate
	}
	now.At = proof.At
	return *proof != now
}

// latestProof is what the process knows, else what the status says.
func (s *scope) latestProof() *v1alpha1.CAPProof {
	if s.proof != nil {
		return s.proof
	}
	return s.set.Status.Proof
}

// setUnproven says that all is fresh, and that nobody knows yet whether it will stay so.
func (s *scope) setUnproven(total int) {
	f := s.memory.Portal.Failure
	if role, ok := s.memory.Roles[s.memory.Prover]; ok && !s.memory.Portal.Open {
		f = role
	}
	words := fmt.Sprintf("All %d credentials are fresh, but CAP has not answered well since the spec, the client certificate or a CA was changed. ", total)
	switch {
	case f.Count == 0:
		conditions.Progressing(s.set, v1alpha1.ReasonEditNotProven, fmt.Sprintf("All %d credentials are fresh. CAP is being asked whether it answers well, "+
			"now that the spec, the client certificate or a CA was changed.", total))
	case needsPerson[f.Reason]:
		conditions.Stalled(s.set, v1alpha1.ReasonEditNotProven, words+s.firstFailure(f))
	default:
		conditions.Failing(s.set, v1alpha1.ReasonEditNotProven, words+s.firstFailure(f))
	}
}

// firstFailure is what became of the question, and how much time is left to mend it.
func (s *scope) firstFailure(f plan.Failure) string {
	return fmt.Sprintf("%s: %s%s", f.Reason, f.Message, s.firstExpiry())
}
