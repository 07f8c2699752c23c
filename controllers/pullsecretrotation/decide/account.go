package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file decides whether the OCM credential, the cluster's pull secret and the rotation under way belong to the same account. A person may
// replace each of them at any time.

// oneAccount makes sure that the OCM credential and the cluster's pull secret belong to the same account, when a rotation is due and when the
// object is new.
var oneAccount = chain{
	{why: "whose is the OCM credential?", needs: []*need{needAccount}, check: banned},
	{why: "`spec.ocm.accountID` pins the account", check: pinMismatch},
	{why: "somebody else's pull secret is not rotated", then: noOtherOwner},
	{why: "an unproven owner holds up requests and writes", when: isDue, check: unknownOwner},
}

// sameOwner makes sure that a rotation brings credentials of the account to which the cluster's pull secret belongs, and not those of a service
// account, or of the account of whoever provided the OCM credential.
var sameOwner = chain{
	{why: "somebody else's pull secret is not changed", then: noOtherOwner},
	{why: "a pull secret of an unknown owner is not changed either", check: unknownOwner},
}

var noOtherOwner = chain{
	{why: "a first target that cannot be used proves nothing", check: brokenCanary},
	{why: "tokens, and the credentials that OCM issues, prove whose an entry is", needs: []*need{needAccount, needOwner, needIssued}, check: otherOwner},
}

func banned(in Input) *Decision {
	a := in.Facts.Account
	if !a.Banned {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonOCMForbidden, "Account banned",
		fmt.Sprintf("Red Hat has banned the account %s: OCM will not rotate its pull secret. Contact Red Hat support.", a.Username), RecheckForPeople))
}

// unowned is true while the owner of some target's pull secret is unknown: then the account's e-mail address may show it.
func unowned(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Owner == "" && (t.Problem == "" || t.Problem == v1alpha1.ReasonOwnerUnknown)
	})
}

// pinMismatch waits if the OCM credential does not belong to the account in the spec.
func pinMismatch(in Input) *Decision {
	pin := in.Spec.OCM.AccountID
	if pin == "" || pin == in.Facts.Account.ID {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountPinMismatch, "Wrong account",
		fmt.Sprintf("The OCM credential belongs to account %s (%s), but spec.ocm.accountID is %s. Nothing was requested. Provide a credential of "+
			"the pinned account, or correct spec.ocm.accountID.", in.Facts.Account.ID, in.Facts.Account.Username, pin), RecheckForPeople))
}

// asks is true while OCM has not been asked about the token of one of the targets.
func asks(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return t.Asks })
}

// receive accepts OCM's credentials as those of the current rotation, unless the OCM credential or the cluster's pull secret has been replaced by
// another account's since the rotation began.
var receive = chain{
	{why: "the new credentials must belong to the account of the cluster's pull secret", then: sameOwner},
	{why: "`spec.ocm.accountID` pins the account", check: pinMismatch},
	{why: "they may come from a rotation that was requested later, which has its own deadlines", when: received, needs: []*need{needRotations}, check: newerPending},
	{why: "OCM issues other credentials than before", check: does(MarkIssued)},
}

// received is true once the current rotation has issued credentials: any others may come from another rotation.
func received(in Input) bool {
	return in.Status.Rotation.ID != "" && in.Status.Rotation.IssuedAt != nil
}

// newerPending adopts a rotation that was requested after the current one.
func newerPending(in Input) *Decision {
	r := in.Status.Rotation
	newest, ok := pending(*in.Facts.Rotations, in.Now)
	if !ok || newest.ID == r.ID || r.RequestedAt == nil || newest.CreatedAt.Before(r.RequestedAt.Time) {
		return nil
	}
	return adopt(newest, in)
}

// credentialMoved is true if the OCM credential belongs to another account than the current rotation.
func credentialMoved(in Input) bool {
	r, shown := in.Status.Rotation, in.Status.Account
	return r.AccountID != "" && shown != nil && shown.ID != r.AccountID
}

// ofAnotherAccount decides about an OCM credential of another account. If the cluster's pull secret also belongs to that account, the rotation is
// abandoned.
func ofAnotherAccount(in Input) *Decision {
	r, id := in.Status.Rotation, in.Facts.Account.ID
	unsent := r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp
	if unsent || in.Facts.Owner.AccountID == id || in.Spec.OCM.AccountID == id {
		return decided(Do(Abandon))
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
		fmt.Sprintf("Rotation %s, which is under way, belongs to account %s, but the OCM credential now belongs to account %s. Nothing was "+
			"written; the pull secret in use stops working when OCM ends that rotation. "+
			"Provide an OCM credential of account %s or, if this cluster should belong to account %s, that account's pull secret, or set spec.ocm.accountID to %s.",
			r.ID, r.AccountID, id, r.AccountID, id, id), RecheckForPeople))
}

// otherOwner waits if the pull secret and the OCM credential belong to different accounts.
func otherOwner(in Input) *Decision {
	o, a := in.Facts.Owner, in.Facts.Account
	switch {
	case provenOwner(in):
		return nil
	case o.AccountID != "":
		return wrongAccount(fmt.Sprintf("This cluster's pull secret belongs to account %s, but the OCM credential to account %s: a rotation would "+
			"change the wrong one (a service account would rotate its own pull secret). Nothing was requested. Provide an OCM credential of "+
			"account %s.", o.AccountID, a.ID, o.AccountID))
	case a.ServiceAccount:
		return wrongAccount(fmt.Sprintf("The OCM credential belongs to the service account %s (%s), which can only rotate its own pull secret, and "+
			"this cluster's pull secret has no valid cloud.openshift.com token that shows its owner. Nothing was requested. Provide an offline "+
			"token of the pull secret's owner, or set spec.ocm.accountID to %s if this cluster should use the service account's "+
			"pull secret.", a.Username, a.ID, a.ID))
	case o.Dead && o.Email != "" && a.Email != "":
		return wrongAccount(fmt.Sprintf("OCM refuses this cluster's cloud.openshift.com token, and the e-mail address beside it is not that of the "+
			"OCM credential's account %s. Nothing was changed. Set spec.ocm.accountID to %s if this cluster should use that account's pull secret.", a.ID, a.ID))
	}
	return nil
}

func wrongAccount(message string) *Decision {
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account", message, RecheckForPeople))
}

// unknownOwner waits if nothing proves to whom the pull secret belongs.
func unknownOwner(in Input) *Decision {
	if provenOwner(in) {
		return nil
	}
	a := in.Facts.Account
	return decided(Waiting(Stalled, v1alpha1.ReasonOwnerUnknown, "Owner unknown",
		fmt.Sprintf("Nothing proves to whom this cluster's pull secret belongs: it has no valid cloud.openshift.com token, and no entry with a "+
			"credential that OCM issued to account %s. "+
			"Nothing was requested or written. If it belongs to account %s (%s), set spec.ocm.accountID to %s.", a.ID, a.ID, a.Username, a.ID), RecheckForPeople))
}

// provenOwner is true if the pull secret provably belongs to the OCM credential's account: by its valid token or, without one, by the value of an
// entry, the pin, or the e-mail address beside an invalid token.
func provenOwner(in Input) bool {
	o, a := in.Facts.Owner, in.Facts.Account
	switch {
	case o.AccountID != "":
		return o.AccountID == a.ID
	case in.Spec.OCM.AccountID == a.ID && a.ID != "", o.Known:
		return true
	}
	return !a.ServiceAccount && o.Dead && o.Email != "" && strings.EqualFold(o.Email, a.Email)
}
