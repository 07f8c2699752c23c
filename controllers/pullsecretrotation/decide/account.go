package decide

import (
	"fmt"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file decides whether three things belong to one account: the OCM credential, the cluster's pull secret and the
// rotation under way. Each of them may be replaced by a person at any time.

// checkAccount makes sure that the OCM credential and the cluster's pull secret belong to one account, when a rotation is
// due and when the object is looked at for the first time.
func checkAccount(in Input, isDue bool) (Decision, bool) {
	if in.Facts.Account == nil && in.Status.Account != nil && in.Status.Account.ID != "" && !isDue && in.Spec.OCM.AccountID == "" {
		return Decision{}, false
	}
	if in.Facts.Account == nil {
		return Do(LookAtAccount), true
	}
	if a := in.Facts.Account; a.Banned {
		return Waiting(Stalled, v1alpha1.ReasonOCMForbidden, "Account banned",
			fmt.Sprintf("Red Hat has banned the account %s: OCM will not rotate its pull secret. Contact Red Hat support.", a.Username), RecheckForPeople), true
	}
	if w, bad := pinMismatch(in); bad {
		return w, true
	}
	w, ok := sameOwner(in)
	return w, !ok
}

// pinMismatch is true when the OCM credential is not that of the account which the spec names.
func pinMismatch(in Input) (Decision, bool) {
	pin := in.Spec.OCM.AccountID
	if pin == "" || pin == in.Facts.Account.ID {
		return Decision{}, false
	}
	return Waiting(Stalled, v1alpha1.ReasonAccountPinMismatch, "Wrong account",
		fmt.Sprintf("The OCM credential belongs to account %s (%s), spec.ocm.accountID names %s. Nothing was requested. Give the credential of the pinned "+
			"account, or correct the pin.", in.Facts.Account.ID, in.Facts.Account.Username, pin), RecheckForPeople), true
}

// sameOwner makes sure, before a rotation is begun, that what it brings is of the account whose pull secret the cluster has: a
// service account must not slip in.
func sameOwner(in Input) (Decision, bool) {
	if in.Facts.Account == nil {
		return Do(LookAtAccount), false
	}
	if in.Facts.Owner == nil {
		return Do(LookAtOwner), false
	}
	w, bad := ownerMismatch(in)
	return w, !bad
}

// receive takes what OCM gives out for new credentials of the rotation under way, unless the OCM credential or the cluster's
// pull secret has become another account's since it was begun.
func receive(in Input) Decision {
	if w, other := clusterOfAnotherAccount(in); other {
		return w
	}
	if w, bad := pinMismatch(in); bad {
		return w
	}
	return Do(MarkIssued)
}

// clusterOfAnotherAccount is true when somebody has given the cluster another account's pull secret while a rotation is under
// way. A token on record that OCM refuses has died with the rotation: it is this account's.
func clusterOfAnotherAccount(in Input) (Decision, bool) {
	if in.Facts.Account == nil {
		return Do(LookAtAccount), true
	}
	if in.Facts.Owner == nil {
		return Do(LookAtOwner), true
	}
	if o := in.Facts.Owner; o.Absent || o.Dead && o.Known {
		return Decision{}, false
	}
	return ownerMismatch(in)
}

// ofAnotherAccount is true when the OCM credential has become another account's than the rotation's under way. Where the
// cluster has moved there too, the rotation is no longer its business.
func ofAnotherAccount(in Input) (Decision, bool) {
	r, shown := in.Status.Rotation, in.Status.Account
	if r.AccountID == "" || shown == nil || shown.ID == r.AccountID {
		return Decision{}, false
	}
	if in.Facts.Account == nil {
		return Do(LookAtAccount), true // it may be back
	}
	if in.Facts.Owner == nil {
		return Do(LookAtOwner), true
	}
	id, unsent := in.Facts.Account.ID, r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp
	if unsent || in.Facts.Owner.AccountID == id || in.Spec.OCM.AccountID == id {
		return Do(Abandon), true
	}
	return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
		fmt.Sprintf("Rotation %s, which is under way, is account %s's, and the OCM credential is account %s's now. Nothing was written; the pull secret in use dies when OCM ends that rotation. "+
			"Give an OCM credential of account %s. If this cluster shall belong to account %s, give it that account's pull secret, or set spec.ocm.accountID to %s.",
			r.ID, r.AccountID, id, r.AccountID, id, id), RecheckForPeople), true
}

// ownerMismatch is true when rotating would change somebody else's credentials. A dead token cannot say whose it was: then
// the pin or the e-mail address in the pull secret must speak for the account.
func ownerMismatch(in Input) (Decision, bool) {
	o, a := in.Facts.Owner, in.Status.Account
	id, email, isService := "", "", false
	if a != nil {
		id = a.ID
	}
	if f := in.Facts.Account; f != nil {
		id, email, isService = f.ID, f.Email, f.ServiceAccount
	}
	pinned := in.Spec.OCM.AccountID == id && id != ""
	switch {
	case isService && !pinned && (o.Absent || o.Dead):
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("The OCM credential belongs to the service account %s (%s), which can only rotate a pull secret of its own, and this cluster's pull secret has no living "+
				"cloud.openshift.com token that would say whose it is. Nothing was requested. Give an offline token of the person whose pull secret it is, or set "+
				"spec.ocm.accountID to %s if this cluster shall use the service account's.", in.Facts.Account.Username, id, id), RecheckForPeople), true
	case o.Absent, o.AccountID != "" && o.AccountID == id:
		return Decision{}, false
	case o.Dead && (pinned || o.Email == "" || email == "" || strings.EqualFold(o.Email, email)):
		return Decision{}, false
	case o.Dead:
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("OCM refuses this cluster's cloud.openshift.com token, and the e-mail address beside it is not that of the OCM credential's account %s. "+
				"Nothing was changed. Set spec.ocm.accountID to %s if this account's pull secret shall be used here.", id, id), RecheckForPeople), true
	default:
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("This cluster's pull secret belongs to account %s, the OCM credential to account %s: a rotation would change the wrong one (a service account "+
				"would rotate its own pull secret). Nothing was requested. Give an OCM credential of account %s.", o.AccountID, id, o.AccountID), RecheckForPeople), true
	}
}
