package pullsecretrotation

import (
	"context"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// The owners of the OCM credential and of each target.

func (s *scope) lookAtAccount(ctx context.Context) (seen decide.Facts, err error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	known, err := api.CurrentAccount(ctx)
	if before, ok := s.knownAccount(); ok && ocm.IsKind(err, ocm.OCMUnavailable) {
		seen.Account = &before
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	account := decide.Account(known)
	s.memory.account, s.memory.accountOf = &account, s.clients.account
	if s.accountID() != account.ID {
		s.memory.proven = "" // the check of the cluster's own token depends on whose it should be
	}
	seen.Account = &account
	return seen, nil
}

// knownAccount is the owner of the OCM credential if OCM cannot tell now, while a rotation of that account is under way: new credentials must not
// wait, because the old ones may stop working. Either OCM has named the owner of this very credential before, or it issues to this credential
// what the record of the rotation has.
func (s *scope) knownAccount() (decide.Account, bool) {
	r, i := s.rotation(), s.issuedFact()
	if !decide.UnderWay(r) || r.ID == "" || r.AccountID == "" || r.AccountID != s.accountID() {
		return decide.Account{}, false
	}
	if a := s.memory.account; a != nil && a.ID == r.AccountID && s.memory.accountOf == s.clients.account {
		return *a, true
	}
	return decide.Account{ID: r.AccountID, Username: s.obj.Status.Account.Username}, r.IssuedAt != nil && i.Present && i.SameAsIssued
}

// tokenAnswer is OCM's answer about a cluster's own token.
type tokenAnswer struct {
	account, username string
	dead              bool
	// heard is true if OCM answered in this reconcile, and false if the answer comes from the record.
	heard bool
}

// lookAtOwner asks OCM, with each target's own token, who its owner is: for the first target each time, because the answer also shows whether the
// token is valid, for the others only while nothing proves the owner.
func (s *scope) lookAtOwner(ctx context.Context) (seen decide.Facts, err error) {
	if s.asked == nil {
		s.asked = map[string]tokenAnswer{}
	}
	for i, t := range s.targets {
		entry, ok := ownToken(t)
		if !ok || s.facts.Cluster.ID == "" || i > 0 && s.record().Owner(s.fingerprint(entry)) != "" {
			continue
		}
		if err := s.askWhose(ctx, i, entry); err != nil {
			return seen, err
		}
	}
	owner := decide.OwnerFact{Absent: true}
	if entry, ok := ownToken(s.targets[0]); ok && s.facts.Cluster.ID != "" {
		answer := s.asked[s.fingerprint(entry)]
		owner = decide.OwnerFact{AccountID: answer.account, Dead: answer.dead, Email: entry.Email}
	}
	seen.Owner = &owner
	return seen, nil
}

// learnOwners records the owners of the tokens according to OCM.
func (s *scope) learnOwners() {
	for _, t := range s.targets {
		entry, ok := ownToken(t)
		if !ok {
			continue
		}
		fp := s.fingerprint(entry)
		if answer := s.asked[fp]; answer.heard && answer.account != "" {
			s.record().Owns(answer.account, telemetryRegistry, fp)
		}
	}
}

// askWhose asks OCM about one token, once per reconcile.
func (s *scope) askWhose(ctx context.Context, i int, entry pullsecret.Entry) error {
	fp := s.fingerprint(entry)
	if _, known := s.asked[fp]; known {
		return nil
	}
	if i == 0 && decide.UsesOwnToken(&s.obj.Spec) && s.facts.Account != nil {
		s.asked[fp] = tokenAnswer{account: s.facts.Account.ID, username: s.facts.Account.Username, heard: true} // OCM was asked with this very token
		return nil
	}
	api, err := s.connect(ctx, ocm.Credential{}, ocm.ClusterToken{ClusterID: s.facts.Cluster.ID, Auth: entry.Auth()})
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	switch account, err := api.CurrentAccount(ctx); {
	case err == nil:
		s.asked[fp] = tokenAnswer{account: account.ID, username: account.Username, heard: true}
	case ocm.IsKind(err, ocm.OCMUnauthorized) || ocm.IsKind(err, ocm.OCMForbidden):
		s.asked[fp] = tokenAnswer{dead: true, heard: true}
	case s.record().Owner(fp) != "":
		s.asked[fp] = tokenAnswer{account: s.record().Owner(fp)} // known from before: the owner of a credential does not change
	default:
		return err
	}
	return nil
}

// ownToken is a target's cloud.openshift.com token.
func ownToken(t target) (pullsecret.Entry, bool) {
	if t.doc == nil {
		return pullsecret.Entry{}, false
	}
	e, ok := t.doc.Entry(telemetryRegistry)
	return e, ok && e.Password != "" && !e.Token
}

// clusterEntry is the cluster's own token, only that of the first target. If the first target has opted out, another target's token would let its
// writers speak for the cluster.
func (s *scope) clusterEntry() (pullsecret.Entry, bool) {
	if len(s.targets) == 0 {
		return pullsecret.Entry{}, false
	}
	return ownToken(s.targets[0])
}
