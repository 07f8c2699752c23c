package pullsecretrotation

import (
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// owner is the account to which a target provably belongs, by the strongest available evidence: OCM's answer for its token; an entry whose value
// OCM issues, or has issued, to the account; the pin in the spec; the e-mail address beside an invalid token. asks is true while OCM has not been
// asked about the token.
func (s *scope) owner(t target) (account string, asks bool) {
	if t.doc == nil {
		return "", false
	}
	token, hasToken := ownToken(t)
	if hasToken {
		fp := s.fingerprint(token)
		if account := s.record().Owner(fp); account != "" {
			return account, false
		}
		_, asked := s.asked[fp]
		asks = !asked && s.facts.Cluster != nil && s.facts.Cluster.ID != ""
	}
	mine := s.accountID()
	if asks || mine == "" {
		return "", asks
	}
	if s.provenByValue(t) || s.obj.Spec.OCM.AccountID == mine || hasToken && provenByEmail(token, s.facts.Account) {
		return mine, false
	}
	return "", false
}

// provenByValue is true for a target with an entry whose value OCM issues, or has issued, to the account.
func (s *scope) provenByValue(t target) bool {
	return slices.ContainsFunc(t.doc.Registries(), func(registry string) bool {
		e, _ := t.doc.Entry(registry)
		return !e.Token && s.record().Owner(s.fingerprint(e)) == s.accountID()
	})
}

// provenByEmail is true if the account's e-mail address is beside the token.
func provenByEmail(token pullsecret.Entry, a *decide.Account) bool {
	return a != nil && !a.ServiceAccount && token.Email != "" && strings.EqualFold(token.Email, a.Email)
}

// own is true if an entry of a target was issued to the account: OCM has proven its value, under any key; a recorded rotation has it; or its user
// name looks like one that OCM issues, and the target is not another account's.
func (s *scope) own(owner string, e pullsecret.Entry) bool {
	if e.Token {
		return false // never replaced, whatever its user name
	}
	mine := s.accountID()
	if proven := s.record().Owner(s.fingerprint(e)); proven != "" && mine != "" {
		return proven == mine
	}
	if owner != "" && mine != "" && owner != mine {
		return false
	}
	return pullsecret.IssuedByOCM(e) || s.known(e)
}

// known is true if a recorded rotation of the account has the entry's fingerprint.
func (s *scope) known(e pullsecret.Entry) bool {
	fp := s.fingerprint(e)
	for _, r := range s.records() {
		if (r.AccountID == "" || r.AccountID == s.accountID()) && (decide.Holds(r.Baseline, fp) || decide.Holds(r.Issued, fp)) {
			return true
		}
	}
	return false
}

// reportOwner reports the owner of the first target's pull secret, which the printed column shows.
func (s *scope) reportOwner() {
	if len(s.targets) == 0 || s.targets[0].doc == nil {
		return
	}
	owner, _ := s.owner(s.targets[0])
	shown, account := s.obj.Status.PullSecretAccount, s.obj.Status.Account
	if owner == "" {
		s.obj.Status.PullSecretAccount = nil
		return
	}
	is := v1alpha1.AccountStatus{ID: owner}
	if shown != nil && shown.ID == owner {
		is.Username = shown.Username
	}
	for _, a := range s.asked {
		if a.account == owner && a.username != "" {
			is.Username = a.username
		}
	}
	if account != nil && account.ID == owner {
		is.Username = account.Username
	}
	s.obj.Status.PullSecretAccount = &is
}
