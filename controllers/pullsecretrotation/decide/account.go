package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file decides whether three things belong to one account: the OCM credential, the cluster's pull secret and the
// rotation under way. Each of them may be replaced by a person at any time.

// checkAccount makes sure that the OCM credential and the cluster's pull secret belong to one account, when a rotation is
// due and when the object is looked at for the first time.
func checkAccount(in Input, isDue bool) (Decision, bool) {
	if in.Facts.Account == nil && in.Status.Account != nil && in.Status.Account.ID != "" && !isDue && in.Spec.OCM.AccountID == "" && !unowned(in) {
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
	if w.Reason == v1alpha1.ReasonOwnerUnknown && !isDue {
		return Decision{}, false // it holds up what would be requested or written, and nothing would
	}
	return w, !ok
}

// unowned is true while nothing on record says whose the pull secret of some target is: then the account's e-mail address may.
func unowned(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Owner == "" && (t.Problem == "" || t.Problem == v1alpha1.ReasonOwnerUnknown)
	})
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
// service account must not slip in, nor the account of whoever gave the OCM credential.
func sameOwner(in Input) (Decision, bool) {
	if w, bad := brokenCanary(in); bad {
		return w, false
	}
	if in.Facts.Account == nil {
		return Do(LookAtAccount), false
	}
	if in.Facts.Owner == nil || asks(in) {
		return Do(LookAtOwner), false
	}
	if in.Facts.Issued == nil {
		return Do(LookAtIssued), false // what OCM gives out proves by its value whose an entry is
	}
	w, bad := ownerMismatch(in)
	return w, !bad
}

// asks is true while OCM was not asked whose the token of one of the targets is.
func asks(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return t.Asks })
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
	if newer, look := newerPending(in); look {
		return newer
	}
	return Do(MarkIssued)
}

// newerPending turns to a rotation that was requested after the one under way: what OCM gives out now may be its fruit, and then the time
// in which this cluster may switch is that one's.
func newerPending(in Input) (Decision, bool) {
	r := in.Status.Rotation
	if r.ID == "" || r.IssuedAt == nil {
		return Decision{}, false
	}
	if in.Facts.Rotations == nil {
		return Do(LookAtRotations), true
	}
	newest, ok := pending(*in.Facts.Rotations, in.Now)
	if !ok || newest.ID == r.ID || r.RequestedAt == nil || newest.CreatedAt.Before(r.RequestedAt.Time) {
		return Decision{}, false
	}
	return adopt(newest, in), true
}

// clusterOfAnotherAccount is true when nothing may be written because the cluster's pull secret is not proven to be of the account
// whose rotation is under way: somebody has given it another's, or it was never known.
func clusterOfAnotherAccount(in Input) (Decision, bool) {
	w, same := sameOwner(in)
	return w, !same
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
			"Give an OCM credential of account %s. If this cluster should belong to account %s, give it that account's pull secret, or set spec.ocm.accountID to %s.",
			r.ID, r.AccountID, id, r.AccountID, id, id), RecheckForPeople), true
}

// ownerMismatch is true when rotating would change somebody else's credentials, or when nothing says whose they are. A dead or
// missing token cannot: then the value of an entry, the pin, or the e-mail address beside a dead token must speak for the account.
func ownerMismatch(in Input) (Decision, bool) {
	o, a := in.Facts.Owner, in.Facts.Account
	pinned := in.Spec.OCM.AccountID == a.ID && a.ID != ""
	switch {
	case o.AccountID == a.ID && a.ID != "":
		return Decision{}, false
	case o.AccountID != "":
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("This cluster's pull secret belongs to account %s, the OCM credential to account %s: a rotation would change the wrong one (a service account "+
				"would rotate its own pull secret). Nothing was requested. Give an OCM credential of account %s.", o.AccountID, a.ID, o.AccountID), RecheckForPeople), true
	case pinned || o.Known:
		return Decision{}, false
	case a.ServiceAccount:
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("The OCM credential belongs to the service account %s (%s), which can only rotate a pull secret of its own, and this cluster's pull secret has no living "+
				"cloud.openshift.com token that would say whose it is. Nothing was requested. Give an offline token of the person whose pull secret it is, or set "+
				"spec.ocm.accountID to %s if this cluster should use the service account's.", a.Username, a.ID, a.ID), RecheckForPeople), true
	case o.Dead && o.Email != "" && strings.EqualFold(o.Email, a.Email):
		return Decision{}, false
	case o.Dead && o.Email != "" && a.Email != "":
		return Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
			fmt.Sprintf("OCM refuses this cluster's cloud.openshift.com token, and the e-mail address beside it is not that of the OCM credential's account %s. "+
				"Nothing was changed. Set spec.ocm.accountID to %s if this account's pull secret should be used here.", a.ID, a.ID), RecheckForPeople), true
	default:
		return Waiting(Stalled, v1alpha1.ReasonOwnerUnknown, "Owner unknown",
			fmt.Sprintf("Nothing proves whose this cluster's pull secret is: it has no living cloud.openshift.com token, and no entry with a credential that OCM gives to account %s. "+
				"Nothing was requested or written. If it belongs to account %s (%s), set spec.ocm.accountID to %s.", a.ID, a.ID, a.Username, a.ID), RecheckForPeople), true
	}
}
