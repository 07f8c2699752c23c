package decide

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// What a registry said of the credential that a rotation issued for it.
const (
	AnswerAccepted = "Accepted"
	AnswerRefused  = "Refused"
	AnswerNone     = "NotAsked"
)

// keptAnswers is how many registries a rotation's record lists. OCM issues for four.
const keptAnswers = 32

// Answers are what the registries have said of the credentials that a rotation issued. One that has accepted its credential keeps the
// time at which it first did; of the others the record says what is known now.
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
			result, at = r.Answers[i].Result, r.Answers[i].At // the evidence had to make room
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
