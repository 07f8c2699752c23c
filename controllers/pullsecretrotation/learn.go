package pullsecretrotation

import (
	"slices"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// maxClusterID is the maximum length of the cluster's id in the status.
const maxClusterID = 64

// learn processes the result of a look: it adds it to the facts of this reconcile, and to the status what outlives the reconcile. No other place
// writes observations to the status.
func (s *scope) learn(seen decide.Facts) {
	if seen.Cluster != nil {
		if s.obj.Status.ClusterID = ""; len(seen.Cluster.ID) <= maxClusterID {
			s.obj.Status.ClusterID = seen.Cluster.ID
		}
	}
	if seen.Account != nil {
		if s.accountID() != seen.Account.ID {
			s.facts.Rotations = nil // they are the other account's
		}
		s.obj.Status.Account = &v1alpha1.AccountStatus{ID: seen.Account.ID, Username: seen.Account.Username}
	}
	if seen.Owner != nil {
		s.learnOwners()
	}
	if seen.Siblings != nil {
		s.noteSiblings(seen.Siblings)
	}
	s.learnMachines(seen)
	s.learnFromOCM(seen)
	if seen.BackupKnown && s.backup == nil {
		s.record().BackupGone()
	}
	if seen.Checks != nil {
		s.noteRegistries(seen.Checks)
	}
	s.record().Answered(slices.Concat(seen.Checks, seen.IssuedChecks, seen.BackupChecks), s.now())
	s.facts.Add(seen)
	if seen.Machines != nil {
		s.record().Reached(s.input(), s.now())
	}
}

// learnFromOCM records what OCM lists, issues and offers.
func (s *scope) learnFromOCM(seen decide.Facts) {
	if seen.Rotations != nil {
		s.record().Listed(*seen.Rotations, s.now())
	}
	if seen.Issued != nil && s.issued != nil && s.accountID() != "" {
		s.record().Given(s.accountID(), s.fingerprints(s.issued, all), s.now())
	}
	if seen.Offer != nil {
		s.record().Offered(*seen.Offer)
	}
}

// learnMachines records how far a roll-out is. Machines are looked at after their pools.
func (s *scope) learnMachines(seen decide.Facts) {
	if seen.Pools != nil {
		s.reportPools(*seen.Pools)
	}
	if seen.Machines != nil {
		s.record().Followed(ptr.Deref(s.facts.Pools, nil), *seen.Machines)
	}
}

// noteCredential records the credential used for OCM, and when a token was issued.
func (s *scope) noteCredential(c v1alpha1.OCMCredentialStatus) {
	if before := s.obj.Status.OCMCredential; before != nil && before.Type == c.Type {
		c.LastUsedAt = before.LastUsedAt
	}
	s.obj.Status.OCMCredential = &c
}
