package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file decides whether three things belong to one account: the OCM credential, the cluster's pull secret and the
// rotation under way. Each of them may be replaced by a person at any time.

// oneAccount makes sure that the OCM credential and the cluster's pull secret belong to one account, when a rotation is due and when
// the object is looked at for the first time.
var oneAccount = chain{
	{why: "whose is the OCM credential?", needs: []*need{needAccount}, check: banned},
	{why: "`spec.ocm.accountID` pins the account", check: pinMismatch},
	{why: "somebody else's pull secret is not rotated", then: noOtherOwner},
	{why: "an owner that nothing proves holds up what would be requested or written", when: isDue, check: unknownOwner},
}

// sameOwner makes sure, before a rotation is begun, that what it brings is of the account whose pull secret the cluster has: a
// service account must not slip in, nor the account of whoever gave the OCM credential.
var sameOwner = chain{
	{why: "somebody else's pull secret is not changed", then: noOtherOwner},
	{why: "nor one of which nothing proves whose it is", check: unknownOwner},
}

var noOtherOwner = chain{
	{why: "a first target that cannot be used proves nothing", check: brokenCanary},
	{why: "tokens, and what OCM gives out, prove whose an entry is", needs: []*need{needAccount, needOwner, needIssued}, check: otherOwner},
}

func banned(in Input) *Decision {
	a := in.Facts.Account
	if !a.Banned {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonOCMForbidden, "Account banned",
		fmt.Sprintf("Red Hat has banned the account %s: OCM will not rotate its pull secret. Contact Red Hat support.", a.Username), RecheckForPeople))
}

// unowned is true while nothing on record says whose the pull secret of some target is: then the account's e-mail address may.
func unowned(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Owner == "" && (t.Problem == "" || t.Problem == v1alpha1.ReasonOwnerUnknown)
	})
}

// pinMismatch is for an OCM credential that is not that of the account which the spec names.
func pinMismatch(in Input) *Decision {
	pin := in.Spec.OCM.AccountID
	if pin == "" || pin == in.Facts.Account.ID {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountPinMismatch, "Wrong account",
		fmt.Sprintf("The OCM credential belongs to account %s (%s), spec.ocm.accountID names %s. Nothing was requested. Give the credential of the pinned "+
			"account, or correct the pin.", in.Facts.Account.ID, in.Facts.Account.Username, pin), RecheckForPeople))
}

// asks is true while OCM was not asked whose the token of one of the targets is.
func asks(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return t.Asks })
}

// receive takes what OCM gives out for new credentials of the rotation under way, unless the OCM credential or the cluster's
// pull secret has become another account's since it was begun.
var receive = chain{
	{why: "what is received must be of the account whose pull secret the cluster has", then: sameOwner},
	{why: "`spec.ocm.accountID` pins the account", check: pinMismatch},
	{why: "it may be the fruit of a rotation that was requested later, whose time is its own", when: received, needs: []*need{needRotations}, check: newerPending},
	{why: "OCM gives out other credentials than before", check: does(MarkIssued)},
}

// received is true once the rotation under way has issued: then more may come from another.
func received(in Input) bool {
	return in.Status.Rotation.ID != "" && in.Status.Rotation.IssuedAt != nil
}

// newerPending turns to a rotation that was requested after the one under way.
func newerPending(in Input) *Decision {
	r := in.Status.Rotation
	newest, ok := pending(*in.Facts.Rotations, in.Now)
	if !ok || newest.ID == r.ID || r.RequestedAt == nil || newest.CreatedAt.Before(r.RequestedAt.Time) {
		return nil
	}
	return adopt(newest, in)
}

// credentialMoved is true when the OCM credential has become another account's than the rotation's under way.
func credentialMoved(in Input) bool {
	r, shown := in.Status.Rotation, in.Status.Account
	return r.AccountID != "" && shown != nil && shown.ID != r.AccountID
}

// ofAnotherAccount is for a credential that has moved. Where the cluster has moved there too, the rotation is no longer its business.
func ofAnotherAccount(in Input) *Decision {
	r, id := in.Status.Rotation, in.Facts.Account.ID
	unsent := r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp
	if unsent || in.Facts.Owner.AccountID == id || in.Spec.OCM.AccountID == id {
		return decided(Do(Abandon))
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account",
		fmt.Sprintf("Rotation %s, which is under way, is account %s's, and the OCM credential is account %s's now. Nothing was written; the pull secret in use dies when OCM ends that rotation. "+
			"Give an OCM credential of account %s. If this cluster should belong to account %s, give it that account's pull secret, or set spec.ocm.accountID to %s.",
			r.ID, r.AccountID, id, r.AccountID, id, id), RecheckForPeople))
}

// otherOwner is for a pull secret that is somebody else's than the OCM credential.
func otherOwner(in Input) *Decision {
	o, a := in.Facts.Owner, in.Facts.Account
	switch {
	case provenOwner(in):
		return nil
	case o.AccountID != "":
		return wrongAccount(fmt.Sprintf("This cluster's pull secret belongs to account %s, the OCM credential to account %s: a rotation would change the wrong one (a service account "+
			"would rotate its own pull secret). Nothing was requested. Give an OCM credential of account %s.", o.AccountID, a.ID, o.AccountID))
	case a.ServiceAccount:
		return wrongAccount(fmt.Sprintf("The OCM credential belongs to the service account %s (%s), which can only rotate a pull secret of its own, and this cluster's pull secret has no living "+
			"cloud.openshift.com token that would say whose it is. Nothing was requested. Give an offline token of the person whose pull secret it is, or set "+
			"spec.ocm.accountID to %s if this cluster should use the service account's.", a.Username, a.ID, a.ID))
	case o.Dead && o.Email != "" && a.Email != "":
		return wrongAccount(fmt.Sprintf("OCM refuses this cluster's cloud.openshift.com token, and the e-mail address beside it is not that of the OCM credential's account %s. "+
			"Nothing was changed. Set spec.ocm.accountID to %s if this account's pull secret should be used here.", a.ID, a.ID))
	}
	return nil
}

func wrongAccount(message string) *Decision {
	return decided(Waiting(Stalled, v1alpha1.ReasonAccountMismatch, "Wrong account", message, RecheckForPeople))
}

// unknownOwner is for a pull secret of which nothing proves whose it is.
func unknownOwner(in Input) *Decision {
	if provenOwner(in) {
		return nil
	}
	a := in.Facts.Account
	return decided(Waiting(Stalled, v1alpha1.ReasonOwnerUnknown, "Owner unknown",
		fmt.Sprintf("Nothing proves whose this cluster's pull secret is: it has no living cloud.openshift.com token, and no entry with a credential that OCM gives to account %s. "+
			"Nothing was requested or written. If it belongs to account %s (%s), set spec.ocm.accountID to %s.", a.ID, a.ID, a.Username, a.ID), RecheckForPeople))
}

// provenOwner is true when the pull secret is proven to be of the OCM credential's account: by its living token. A dead or missing one
// cannot say so: then the value of an entry, the pin, or the e-mail address beside a dead token must speak for the account.
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
