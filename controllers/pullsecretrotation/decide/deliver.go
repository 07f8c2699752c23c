package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// This file decides how issued credentials are delivered to the targets: entry by entry, each on its own evidence.

// Change is an entry of a target that differs from the issued credential, and that a write would change.
type Change struct {
	// Registry as in the target, and Source, the registry whose issued credential it gets: the two differ for a key such as
	// quay.io/openshift-release-dev that holds the same credential.
	Registry, Source string
	// Fingerprint of the issued credential.
	Fingerprint string
}

// delivering writes issued credentials to the targets for the first time.
var delivering = chain{
	{why: "a first target that cannot be used holds up everything", check: brokenCanary},
	{why: "the pull secret in use is still checked", then: proveInUse},
	{why: "does OCM still issue the same credentials?", needs: []*need{needIssued}},
	{why: "a follower's offer has ended", when: nothingOffered, then: awaitingIssue},
	{why: "a server that lags behind returns old ones", when: superseded, check: lagging},
	{why: "OCM has issued others since", when: not(sameAsIssued), then: receive},
	{why: "somebody may have replaced the pull secret by another account's", then: sameOwner},
	{why: "the rotation may end while its credentials are still being verified", when: listIsDue, needs: []*need{needRotations}},
	{why: "somebody else has written them: the pull secret in use is checked next", when: not(anythingPending), then: applying},
	{why: "a registry must have accepted each of them", when: unprovenPending, needs: []*need{needIssuedChecks}},
	{why: "no registry refuses them", when: allGood, check: does(MarkVerified)},
	{why: "entries that the evidence allows are written", when: somethingMayBeWritten, then: applying},
	{why: "how much time is left? With the cluster's own token that is already known", when: offerIsOpenEnded, needs: []*need{needOffer}},
	{why: "the rest waits for the registries", check: unverified},
}

var applying = chain{
	{why: "the pools' configurations before the change are recorded", needs: []*need{needPools}, check: does(Apply)},
}

func nothingOffered(in Input) bool { return !in.Facts.Issued.Present }

func sameAsIssued(in Input) bool { return in.Facts.Issued.SameAsIssued }

// anythingPending is true if an entry that may be written differs from the issued one.
func anythingPending(in Input) bool { return len(pendingChanges(in)) > 0 }

// unprovenPending is true if no registry has accepted one of those yet.
func unprovenPending(in Input) bool {
	return slices.ContainsFunc(pendingChanges(in), func(c Change) bool { return !proven(in, c) })
}

func somethingMayBeWritten(in Input) bool {
	return slices.ContainsFunc(pendingChanges(in), func(c Change) bool { return MayWrite(in, c) })
}

// allGood is true if the registries' answers allow all entries, and that is not recorded yet.
func allGood(in Input) bool {
	return in.Status.Rotation.VerifiedAt == nil && !slices.ContainsFunc(pendingChanges(in), func(c Change) bool {
		return !MayWrite(in, c) || !proven(in, c) && !excused(in, c)
	})
}

func offerIsOpenEnded(in Input) bool {
	return in.Status.Rotation.OfferEndsAt == nil && !UsesOwnToken(in.Spec)
}

// lagging waits until OCM's servers return the newest credentials.
func lagging(in Input) *Decision {
	return decided(Waiting(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
		"OCM returned credentials that it has already replaced: one of its servers lags behind. Nothing was written. The operator will retry.", atItsTurn(in, in.Timing.PollMin)))
}

// listIsDue is true if the next poll of OCM's list is due.
func listIsDue(in Input) bool {
	if in.Status.Rotation.ID == "" {
		return false
	}
	return in.LastPoll.IsZero() || in.Unasked || in.LastPoll.After(in.Now) || !in.Now.Before(nextPoll(in, in.LastPoll, pollInterval(in)))
}

// pendingChanges are the changes of all targets that can be written and belong to the account, except those paused by a fight.
func pendingChanges(in Input) []Change {
	var all []Change
	for _, t := range in.Facts.Targets {
		if t.Problem == "" && !Pauses(in, t) {
			all = append(all, t.Changes...)
		}
	}
	return all
}

// Unproven are the registries to ask: those of the changes that no evidence allows yet.
func Unproven(in Input) []string {
	var names []string
	for _, t := range in.Facts.Targets {
		for _, c := range t.Changes {
			if !proven(in, c) && !slices.Contains(names, c.Source) {
				names = append(names, c.Source)
			}
		}
	}
	return names
}

// proven is true if the registry has accepted the issued credential and has not refused it since. The cluster's token for OCM is also proven by a
// registry that shares its credential: OCM may refuse a token that no cluster has registered yet.
func proven(in Input, c Change) bool {
	s := Record{in.Status}
	if row := s.Credential(c.Source, c.Fingerprint); row != nil && row.VerifiedAt != nil && row.RefusedSince == nil {
		return true
	}
	return c.Source == telemetryRegistry && slices.ContainsFunc(s.Credentials, func(o v1alpha1.CredentialStatus) bool {
		return o.Fingerprint == c.Fingerprint && o.Registry != c.Source && o.VerifiedAt != nil && o.RefusedSince == nil
	})
}

const telemetryRegistry = "cloud.openshift.com"

// excused is true if the spec does not require the registry's answer: its policy is Skip, or BestEffort and it could not be reached.
func excused(in Input, c Change) bool {
	for _, check := range in.Facts.IssuedChecks {
		if check.Registry == c.Source {
			return check.Policy == v1alpha1.VerificationSkip || check.Policy == v1alpha1.VerificationBestEffort && !check.Result.Outcome.Refused()
		}
	}
	return false
}

// MayWrite is true if the evidence allows writing an entry: it is proven, excused by the spec or, as the time runs out, not refused by any
// registry, because then the entry that it replaces stops working.
//
// The cluster's token for OCM comes last: once telemetry reports with it, OCM considers this cluster switched, and may delete the old credentials
// of the entries that still wait.
func MayWrite(in Input, c Change) bool {
	if c.Source == telemetryRegistry && !closing(in) && slices.ContainsFunc(pendingChanges(in), func(o Change) bool {
		return o.Source != telemetryRegistry && !MayWrite(in, o)
	}) {
		return false
	}
	if proven(in, c) {
		return true
	}
	return skipped(in, c) || !refused(in, c) && (excused(in, c) || closing(in))
}

// skipped is true if the spec says not to ask the registry: its earlier answers no longer count.
func skipped(in Input, c Change) bool {
	return slices.ContainsFunc(in.Facts.IssuedChecks, func(k Check) bool { return k.Registry == c.Source && k.Policy == v1alpha1.VerificationSkip })
}

// refused is true if a registry has refused the issued credential. For the cluster's token, the answer of the registry that shares its credential
// counts, and not OCM's: OCM may refuse a token with which no cluster has reported yet.
func refused(in Input, c Change) bool {
	return slices.ContainsFunc(in.Status.Credentials, func(o v1alpha1.CredentialStatus) bool {
		about := o.Registry == c.Source
		if c.Source == telemetryRegistry {
			about = o.Registry != c.Source
		}
		return about && o.Fingerprint == c.Fingerprint && o.RefusedSince != nil
	})
}

// closes is when unproven credentials that no registry has refused are written: shortly before OCM's offer to this cluster ends, because then OCM
// may delete the old ones, whether this cluster has switched or not.
func closes(in Input) time.Time {
	r := in.Status.Rotation
	if r.IssuedAt == nil {
		return in.Now.Add(in.Timing.Window)
	}
	end := r.IssuedAt.Add(in.Timing.Window)
	if r.OfferEndsAt != nil {
		end = r.OfferEndsAt.Time
	}
	return end.Add(-min(in.Timing.WindowMargin, end.Sub(r.IssuedAt.Time)/2))
}

// closing is true if the time to switch is running out or over: OCM has deleted the old credentials, and nothing proves that the pull secret in
// use has others.
func closing(in Input) bool {
	if in.Status.Rotation.OCMStatus == RotationCompleted {
		return !meta.IsStatusConditionTrue(in.Status.Conditions, v1alpha1.ConditionPullSecretValid)
	}
	return !in.Now.Before(closes(in))
}

// unverified reports why nothing more can be written yet, what is at stake, and when that changes.
func unverified(in Input) *Decision {
	r := in.Status.Rotation
	refused, unknown := Judge(in.Facts.IssuedChecks)
	// Each retry asks OCM once and every registry, so retries get rarer the longer it takes.
	retry := max(schedule.PollInterval(in.Now.Sub(r.IssuedAt.Time), in.Timing.VerifyRetry, in.Timing.PollMax), retryAfter(in.Facts.IssuedChecks))
	retry = atItsTurn(in, retry)
	if until := closes(in).Sub(in.Now); until > 0 {
		retry = min(retry, until)
	}
	switch {
	case len(refused) > 0 && in.Now.Sub(r.IssuedAt.Time) < in.Timing.VerifyDeadline:
		return decided(Waiting(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
			fmt.Sprintf("The new credentials are not accepted everywhere yet: %s. They may need time to propagate, so until %s a refusal does not "+
				"count. These entries have not been written.",
				strings.Join(refused, "; "), OnTheClock(r.IssuedAt.Add(in.Timing.VerifyDeadline))), retry))
	case len(refused) > 0:
		return decided(Waiting(Failing, v1alpha1.ReasonCredentialsRefused, "New credentials refused",
			fmt.Sprintf("The new credentials are refused: %s. These entries have not been written; %s The operator will retry; if this persists, "+
				"open a support case with Red Hat that names rotation %s, or set spec.verification for that "+
				"registry.", strings.Join(refused, "; "), atStake(in), r.ID), retry))
	default:
		return decided(Waiting(Failing, v1alpha1.ReasonVerificationIncomplete, "Verifying new credentials",
			fmt.Sprintf("The new credentials could not be verified: %s. These entries have not been written; %s At %s they will be written "+
				"unproven unless a registry refuses them: check the connection from this cluster to the registry, or set its policy in "+
				"spec.verification to BestEffort or Skip.", strings.Join(unknown, "; "), atStake(in), OnTheClock(closes(in))), retry))
	}
}

// atStake says what happens to the pull secret in use, without claiming what is not proven.
func atStake(in Input) string {
	switch r := in.Status.Rotation; {
	case r.OCMStatus == RotationCompleted:
		return "OCM has deleted the old ones, so the pull secret in use no longer works."
	case refusedInUse(in.Status) != nil:
		return "the pull secret in use is refused as well."
	default:
		return "those in use stop working when OCM ends the rotation."
	}
}
