package decide

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// TestOwner_WithoutAProofAPersonIsAsked: what is known to be another's is said to be so, and what nobody knows is not.
func TestOwner_WithoutAProofAPersonIsAsked(t *testing.T) {
	owner := func(o OwnerFact) func(*Input) {
		return func(in *Input) { in.Facts.Owner = &o }
	}
	for _, c := range []decision{
		{"a dead token beside no address", owner(OwnerFact{Dead: true}), Wait, v1alpha1.ReasonOwnerUnknown, "Nothing proves to whom"},
		{"a dead token beside another address", owner(OwnerFact{Dead: true, Email: "you@example.com"}), Wait, v1alpha1.ReasonAccountMismatch, "e-mail address"},
		{"a dead token, and the account has no address", func(in *Input) {
			owner(OwnerFact{Dead: true, Email: "you@example.com"})(in)
			in.Facts.Account.Email = ""
		}, Wait, v1alpha1.ReasonOwnerUnknown, ""},
		{"a dead token, and neither has an address", func(in *Input) { owner(OwnerFact{Dead: true})(in); in.Facts.Account.Email = "" }, Wait, v1alpha1.ReasonOwnerUnknown, ""},
		{"no token, and another address beside nothing", owner(OwnerFact{Absent: true, Email: "you@example.com"}), Wait, v1alpha1.ReasonOwnerUnknown, ""},
		{"no token: an address alone proves nothing", owner(OwnerFact{Absent: true, Email: "jdoe@example.com"}), Wait, v1alpha1.ReasonOwnerUnknown, ""},
		{"a dead token beside a service account's address", func(in *Input) {
			owner(OwnerFact{Dead: true, Email: "jdoe@example.com"})(in)
			in.Facts.Account.ServiceAccount = true
		}, Wait, v1alpha1.ReasonAccountMismatch, "which can only rotate its own pull secret"},
		{"a dead token beside the account's address", owner(OwnerFact{Dead: true, Email: "JDoe@example.com"}), Begin, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, dueInput()) })
	}
}

// A rotation of an account that the OCM credential no longer belongs to goes on only if it can still be this cluster's.
func TestOwner_ARotationOfAnotherAccountIsLeftIfNothingOfItCanArrive(t *testing.T) {
	for _, c := range []decision{
		{"under way at OCM", func(*Input) {}, Wait, v1alpha1.ReasonAccountMismatch, "Rotation a, which is under way, belongs to account before"},
		{"not requested yet", func(in *Input) { in.Status.Rotation.ID = "" }, Abandon, "", ""},
		{"ended before this cluster found it", func(in *Input) { in.Status.Rotation.ID, in.Status.Rotation.Reason = "", v1alpha1.TriggerCatchUp }, Wait, v1alpha1.ReasonAccountMismatch, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := underWayInput()
			in.Status.Rotation.AccountID, in.Facts.Owner = "before", &OwnerFact{AccountID: "before"}
			c.check(t, in)
		})
	}
}
