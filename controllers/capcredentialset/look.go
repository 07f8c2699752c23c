package capcredentialset

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// blindFor is how long unknown facts of the cluster are awaited before they are reported: a restarting API server is back within it, and a
// credential lasts many times as long.
const blindFor = time.Minute

// discover finds the Secrets of the set and watches them. act is false as long as the cluster has not been read.
func (r *reconciler) discover(ctx context.Context, s *scope) (act bool, err error) {
	var known bool
	s.requests, known, s.requestsErr = r.facts.Requests()
	known = known || s.requestsErr != nil
	all := &v1alpha1.CAPCredentialSetList{}
	if err := r.client.List(ctx, all); err != nil {
		return false, fmt.Errorf("reading the CAPCredentialSets: %w", err)
	}
	if s.discovery, err = plan.Discover(s.set, asked(s.requests), all.Items); err != nil {
		s.partial = &plan.Hold{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error() + ". The Secrets of CredentialsRequests are not refreshed " +
			"until it is corrected."}
	}
	s.sets = all.Items
	modeKnown, hold := r.held(s)
	s.hold = hold
	if hold == nil && !(known && modeKnown) {
		s.partial = &plan.Hold{Reason: v1alpha1.ReasonClusterUnknown, Message: "The CredentialsRequests or the cloud-credential-operator's mode cannot be read, " +
			"so the Secrets of CredentialsRequests are not refreshed. Check the API server, and the webhooks that convert these kinds."}
		s.discovery.Targets = slices.DeleteFunc(s.discovery.Targets, func(t plan.Target) bool { return t.Request != "" })
		blind := r.now().Sub(s.since)
		if blind < r.Settle || blind < blindFor && len(s.discovery.Targets) == 0 {
			return false, nil
		}
	}
	r.watch(s)
	return true, nil
}

// watch watches the Secrets of the set. Known Secrets that are temporarily unknown stay watched.
func (r *reconciler) watch(s *scope) {
	refs := []types.NamespacedName{r.certificateRef(s.set)}
	for _, t := range s.discovery.Targets {
		if t.Holder == "" {
			refs = append(refs, t.Ref)
		}
	}
	for _, t := range s.lastKnown() {
		refs = append(refs, types.NamespacedName{Namespace: t.Namespace, Name: t.Name})
	}
	s.mu.Lock()
	s.refs = make(map[types.NamespacedName]bool, len(refs))
	for _, ref := range refs {
		s.refs[ref] = true
	}
	s.mu.Unlock()
	r.store.Watch(owner(s.set.Name), refs...)
}

// rowsBefore are the rows of the last report. A process that has made none knows those that the status lists.
func (s *scope) rowsBefore() []v1alpha1.CredentialTargetStatus {
	if s.rows == nil {
		return s.set.Status.Targets
	}
	return s.rows
}

// lastKnown are the rows of the last report whose Secrets may still be targets, which is unknown because of an invalid spec or an unreadable cluster.
func (s *scope) lastKnown() []v1alpha1.CredentialTargetStatus {
	if s.partial == nil {
		return nil
	}
	targets := map[types.NamespacedName]bool{}
	for _, t := range s.discovery.Targets {
		targets[t.Ref] = true
	}
	return slices.DeleteFunc(slices.Clone(s.rowsBefore()), func(t v1alpha1.CredentialTargetStatus) bool {
		return targets[types.NamespacedName{Namespace: t.Namespace, Name: t.Name}]
	})
}

// asked converts the CredentialsRequests for the plan.
func asked(requests []cluster.CredentialsRequest) []plan.Request {
	all := make([]plan.Request, 0, len(requests))
	for _, r := range requests {
		all = append(all, plan.Request{Namespace: r.Namespace, Name: r.Name, Labels: r.Labels, Secret: r.Secret, TimedToken: r.TimedToken})
	}
	return all
}

// held returns what keeps the set from doing anything, the most important hold first.
func (r *reconciler) held(s *scope) (known bool, _ *plan.Hold) {
	if s.set.Spec.Suspend {
		return true, &plan.Hold{Reason: v1alpha1.ReasonSuspended, Message: "spec.suspend is true: nothing is fetched or written, and credentials " +
			"expire. Set it to false to resume."}
	}
	if err := r.CAPHosts.Check(s.set.Spec.Endpoint.URL); err != nil && !r.CAPHosts.Empty() {
		return true, hostHold(err)
	}
	mode, err := r.facts.Mode()
	switch {
	case err != nil:
		return true, &plan.Hold{Reason: v1alpha1.ReasonForbidden, Message: "The cloud-credential-operator's mode cannot be read, so nothing is " +
			"written: it could be writing these Secrets itself. " +
			"Restore the operator's ClusterRole credential-rotation-operator."}
	case !mode.Known:
		return false, nil
	case !mode.Manual():
		return true, modeHold(mode)
	}
	return true, nil
}

// look reads the client certificate and the Secrets, and makes the plan.
func (r *reconciler) look(ctx context.Context, s *scope) error {
	now := r.now()
	r.lookAtCertificate(s, now)
	r.lookAtAuthorities(ctx, s, now)
	r.join(s, s.memory.Rebase(s.basis()))
	r.lookAtUpgrade(ctx, s, now)
	key, err := r.contentHashKey(ctx)
	if err != nil {
		return err
	}
	s.hashKey = key
	r.lookAtSecrets(s, key)
	return nil
}

// lookAtSecrets reads the Secrets and makes the plan.
func (r *reconciler) lookAtSecrets(s *scope, key []byte) {
	now := r.now()
	s.looked = now
	secrets := make(map[types.NamespacedName]plan.Observation, len(s.discovery.Targets))
	for _, t := range s.discovery.Targets {
		if t.Holder == "" {
			secrets[t.Ref] = r.lookAtSecret(t.Ref, key)
		}
	}
	s.distrust(r.clockJumps(), secrets)
	s.plan = plan.Decide(s.input(secrets, now))
	s.memory.Notice(s.plan.Rows, now)
	if s.partial == nil {
		s.memory.Forget(s.plan.Rows, s.set.Spec.RestartTargets)
	}
	r.keep(s)
}

// keep takes the latest good credential of each role into memory, with which a Secret that is emptied or deleted during an outage of CAP is
// restored.
func (r *reconciler) keep(s *scope) {
	for i := range s.plan.Rows {
		row := &s.plan.Rows[i]
		ours := row.Known && row.Usable && row.Bookkeeping.Hash == row.Hash && row.Bookkeeping.Role == row.Role && row.ExpiresAt.After(r.now())
		if !ours || s.memory.Refused[row.Hash] || s.memory.Suspect[row.Hash] || !row.FetchedAt.After(s.memory.Held[row.Role].FetchedAt) {
			continue
		}
		if credential, ok := r.credentialIn(row, s.hashKey); ok {
			s.held[row.Role], s.memory.Held[row.Role] = credential, plan.Held{FetchedAt: row.FetchedAt, ExpiresAt: row.ExpiresAt, Expiry: row.Expiry}
		}
	}
	for role := range s.held {
		if _, ok := s.memory.Held[role]; !ok {
			delete(s.held, role)
		}
	}
}

func (r *reconciler) lookAtSecret(ref types.NamespacedName, key []byte) plan.Observation {
	there, synced := r.see(ref, key)
	switch {
	case there != nil:
		return there.observation
	case synced:
		exists, known := r.facts.HasNamespace(ref.Namespace)
		return plan.Observation{Known: known, NamespaceMissing: !exists}
	}
	if err := r.store.Err(ref.Namespace, ref.Name); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return plan.Observation{Forbidden: true, Problem: forbiddenMessage(ref, "read", r.Namespace)}
	}
	return plan.Observation{}
}
