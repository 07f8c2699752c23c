package decide

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A registry's answers about the credential that a rotation issued for it.
const (
	AnswerAccepted = "Accepted"
	AnswerRefused  = "Refused"
	AnswerNone     = "NotAsked"
)

// keptAnswers is how many registries a rotation's record lists. OCM issues for four.
const keptAnswers = 32

// Answers are the registries' answers about the credentials that a rotation issued. Accepted keeps the time of the first acceptance; other
// answers are the current ones.
func (s Record) Answers(r *v1alpha1.RotationStatus) []v1alpha1.RegistryAnswer {
	var answers []v1alpha1.RegistryAnswer
	for _, f := range r.Issued[:min(len(r.Issued), keptAnswers)] {
		i := slices.IndexFunc(r.Answers, func(a v1alpha1.RegistryAnswer) bool { return a.Registry == f.Registry })
		if i >= 0 && r.Answers[i].Result == AnswerAccepted {
			answers = append(answers, r.Answers[i])
			continue
		}
		result, at := AnswerNone, (*metav1.Time)(nil)
		switch c := s.Credential(f.Registry, f.Fingerprint); {
		case c == nil && i >= 0:
			result, at = r.Answers[i].Result, r.Answers[i].At // the evidence was evicted
		case c == nil:
		case c.RefusedSince != nil:
			result, at = AnswerRefused, c.RefusedSince
		case c.VerifiedAt != nil:
			result, at = AnswerAccepted, c.VerifiedAt
		}
		answers = append(answers, v1alpha1.RegistryAnswer{Registry: f.Registry, Result: result, At: at.DeepCopy()})
	}
	return answers
}
