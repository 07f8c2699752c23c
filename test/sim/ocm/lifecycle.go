package ocm

import (
	"errors"
	"math"
	"slices"
	"time"
)

// This file has the life of a rotation in its order: requested, first pass, telemetry, second pass.

// request creates a rotation and one transfer for each active cluster of the account.
func (s *Sim) request(a *account) *rotation {
	now := s.stamp()
	r := &rotation{id: s.newID(), account: a, status: StatusPending, created: now, updated: now}
	s.rotations = append(s.rotations, r)
	for _, c := range s.clusters {
		if c.account == a && c.status == SubscriptionActive {
			s.transfers = append(s.transfers, &transfer{
				id: s.newID(), cluster: c, rotation: r, status: StatusPending,
				created: now, updated: now, expires: s.virtual().Add(c.transferLife),
			})
		}
	}
	return r
}

// pending returns the rotations of the account that the service works on, oldest first, whatever status they are shown with.
func (s *Sim) pending(a *account) []*rotation {
	var out []*rotation
	for _, r := range s.rotations {
		if r.account == a && r.status != StatusCompleted && !r.abandoned {
			out = append(out, r)
		}
	}
	return out
}

// StartRotationElsewhere requests a rotation as another client would: Red Hat's support, a user with curl, another
// cluster. It is not counted. It returns the rotation's id.
func (s *Sim) StartRotationElsewhere(accountID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request(s.mustAccount(accountID)).id
}

// batch is one run of the reconciler: every rotation that is not completed gets one pass.
func (s *Sim) batch() {
	s.expire()
	for _, a := range s.accounts {
		for _, r := range s.pending(a) {
			switch {
			case r.issued == nil:
				s.firstPass(r)
			case s.everybodySwitched(r):
				s.secondPass(r)
			}
		}
	}
}

// firstPass issues new credentials beside the old ones and offers them to the clusters.
func (s *Sim) firstPass(r *rotation) {
	for _, g := range r.account.generations {
		if !g.dead() {
			r.old = append(r.old, g)
		}
	}
	r.issued = s.issue(r.account)
	r.updated = s.stamp()
	for _, t := range s.transfers {
		if t.rotation == r && t.status == StatusPending {
			t.status, t.secret, t.updated = StatusAccepted, string(r.issued.document()), s.stamp()
		}
	}
}

// everybodySwitched is the condition for the second pass. Expired transfers are ignored: their clusters lose access.
func (s *Sim) everybodySwitched(r *rotation) bool {
	if s.opts.NeverComplete {
		return false
	}
	transfers := 0
	for _, t := range s.transfers {
		if t.rotation != r {
			continue
		}
		transfers++
		if t.status != StatusCompleted && t.status != StatusExpired {
			return false
		}
	}
	return transfers > 0 || s.opts.CompleteWithoutClusters
}

// Forgotten is a revocation that never happens.
const Forgotten time.Duration = math.MaxInt64

// RevokeLate makes the service complete rotations some time before it deletes their old credentials, at the named registries or at all;
// Forgotten is never, and zero, the default, ends that. OCM's report is then wrong.
func (s *Sim) RevokeLate(by time.Duration, registries ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(registries) == 0 {
		registries = Registries
	}
	for _, registry := range registries {
		s.late[registry] = by
	}
}

// bury deletes the credentials whose late deletion is due.
func (s *Sim) bury() {
	now := s.virtual()
	for _, a := range s.accounts {
		for _, g := range a.generations {
			for registry, at := range g.dying {
				if !now.Before(at) {
					g.kill(at, registry)
					delete(g.dying, registry)
				}
			}
		}
	}
}

// secondPass deletes the old credentials and then completes the rotation, unless RevokeLate is set.
func (s *Sim) secondPass(r *rotation) {
	for _, g := range r.old {
		for _, registry := range Registries {
			switch by := s.late[registry]; by {
			case 0:
				g.kill(s.virtual(), registry)
			case Forgotten:
			default:
				g.dying[registry] = s.virtual().Add(by)
			}
		}
	}
	r.status, r.updated = StatusCompleted, s.stamp()
	if s.opts.DropEnded {
		s.deleteRotation(r)
	}
}

// expire ends the transfers whose time is over.
func (s *Sim) expire() {
	now := s.virtual()
	for _, t := range s.transfers {
		if t.open() && !now.Before(t.expires) {
			t.status, t.updated = StatusExpired, s.stamp()
		}
	}
}

// open reports whether the transfer can still be completed or expire.
func (t *transfer) open() bool { return t.status == StatusPending || t.status == StatusAccepted }

// CompleteEverything completes every pending rotation at once, even if clusters have not switched, as a cluster may find after weeks
// offline.
func (s *Sim) CompleteEverything() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		for _, r := range s.pending(a) {
			if r.issued == nil {
				s.firstPass(r)
			}
			for _, t := range s.transfers {
				if t.rotation == r {
					t.status, t.updated = StatusCompleted, s.stamp()
				}
			}
			s.secondPass(r)
		}
	}
}

// ErrTokenInvalid is the response to telemetry with a token that is dead or was never issued.
var ErrTokenInvalid = errors.New("registry credential token is invalid")

// Telemetry is a report of a cluster with the cloud.openshift.com auth of its pull secret. With the new token of a
// rotation it completes the cluster's transfer.
func (s *Sim) Telemetry(clusterID, auth string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cluster(clusterID)
	if c == nil {
		return errors.New("the OCM simulator has no cluster " + clusterID)
	}
	return s.telemetry(c, auth)
}

func (s *Sim) telemetry(c *cluster, auth string) error {
	g := s.byCloudAuth(auth)
	if g == nil || g.account != c.account {
		return ErrTokenInvalid
	}
	c.lastTelemetry = s.stamp()
	g.registered = true
	s.expire()
	s.switched(c, g)
	return nil
}

// switched completes the transfers of a cluster that has used a token of generation g.
func (s *Sim) switched(c *cluster, g *generation) {
	for _, t := range s.transfers {
		if t.cluster != c || t.status != StatusAccepted {
			continue
		}
		if g.number >= t.rotation.issued.number || s.opts.OldTokenCompletes {
			t.status, t.updated = StatusCompleted, s.stamp()
		}
	}
}

// deleteRotation removes the record and its transfers. Whether the real service undoes anything is not public; here a
// rotation whose first pass is over leaves its new credentials behind, and the old ones are not deleted.
func (s *Sim) deleteRotation(r *rotation) {
	s.rotations = slices.DeleteFunc(s.rotations, func(other *rotation) bool { return other == r })
	s.transfers = slices.DeleteFunc(s.transfers, func(t *transfer) bool { return t.rotation == r })
}
