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

// This file decides how issued credentials come into the targets: entry by entry, each on its own evidence.

// Change is an entry of a target that differs from what OCM gives out now, and that a write would change.
type Change struct {
	// Registry as the target has it, and Source, the registry whose issued credential it gets: another one where the same
	// credential stands under a key of its own, such as quay.io/openshift-release-dev.
	Registry, Source string
	// Fingerprint of the issued credential.
	Fingerprint string
}

// delivering brings issued credentials into the targets for the first time.
var delivering = chain{
	{why: "a first target that cannot be used holds up everything", check: brokenCanary},
	{why: "what is in use is proven meanwhile", then: proveInUse},
	{why: "is what was issued still given out?", needs: []*need{needIssued}},
	{why: "a follower's offer has ended", when: nothingOffered, then: awaitingIssue},
	{why: "a server that lags behind gives out old ones", when: superseded, check: lagging},
	{why: "OCM has issued others since", when: not(sameAsIssued), then: receive},
	{why: "somebody may have given the cluster another account's pull secret", then: sameOwner},
	{why: "the rotation may end while its credentials are still being verified", when: listIsDue, needs: []*need{needRotations}},
	{why: "somebody else has written them: what is in use is proven right after", when: not(anythingPending), then: applying},
	{why: "a registry must have accepted each", when: unprovenPending, needs: []*need{needIssuedChecks}},
	{why: "nothing speaks against them", when: allGood, check: does(MarkVerified)},
	{why: "what the evidence allows is written", when: somethingMayBeWritten, then: applying},
	{why: "until when is there time? A cluster's own token has read that already", when: offerIsOpenEnded, needs: []*need{needOffer}},
	{why: "the rest waits for its registries", check: unverified},
}

var applying = chain{
	{why: "which configuration do the pools have before the change?", needs: []*need{needPools}, check: does(Apply)},
}

func nothingOffered(in Input) bool { return !in.Facts.Issued.Present }

func sameAsIssued(in Input) bool { return in.Facts.Issued.SameAsIssued }

// anythingPending is true when an entry that may be written differs from what OCM gives out.
func anythingPending(in Input) bool { return len(pendingChanges(in)) > 0 }

// unprovenPending is true when no registry has accepted one of those yet.
func unprovenPending(in Input) bool {
	return slices.ContainsFunc(pendingChanges(in), func(c Change) bool { return !proven(in, c) })
}

func somethingMayBeWritten(in Input) bool {
	return slices.ContainsFunc(pendingChanges(in), func(c Change) bool { return MayWrite(in, c) })
}

// allGood is true when all may be written by what the registries say, and that is not on record yet.
func allGood(in Input) bool {
	return in.Status.Rotation.VerifiedAt == nil && !slices.ContainsFunc(pendingChanges(in), func(c Change) bool {
		return !MayWrite(in, c) || !proven(in, c) && !excused(in, c)
	})
}

func offerIsOpenEnded(in Input) bool {
	return in.Status.Rotation.OfferEndsAt == nil && !UsesOwnToken(in.Spec)
}

// lagging waits for a server of OCM's that knows the newest credentials.
func lagging(in Input) *Decision {
	return decided(Waiting(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
		"OCM answers with credentials that it has replaced since: one of its servers lags behind. Nothing was written. The operator will retry.", in.Timing.PollMin))
}

// listIsDue is true when the next look at OCM's list is due.
func listIsDue(in Input) bool {
	if in.Status.Rotation.ID == "" {
		return false
	}
	return in.LastPoll.IsZero() || in.Unasked || in.LastPoll.After(in.Now) || !in.Now.Before(in.LastPoll.Add(pollInterval(in)))
}

// pendingChanges are those of all targets that can be written and are the account's, but for those that a fight leaves alone.
func pendingChanges(in Input) []Change {
	var all []Change
	for _, t := range in.Facts.Targets {
		if t.Problem == "" && !Pauses(in, t) {
			all = append(all, t.Changes...)
		}
	}
	return all
}

// Unproven are the issued registries of the changes that no evidence allows yet: those to ask.
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

// proven is true when the registry has accepted the issued credential and has not refused it since, or when it is the cluster's
// token for OCM, which shares its credential with a registry that has: a token that no cluster has registered yet may be refused.
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

// excused is true when the spec does not want the registry's word: it is skipped, or could not be asked and is BestEffort.
func excused(in Input, c Change) bool {
	for _, check := range in.Facts.IssuedChecks {
		if check.Registry == c.Source {
			return check.Policy == v1alpha1.VerificationSkip || check.Policy == v1alpha1.VerificationBestEffort && !check.Result.Outcome.Refused()
		}
	}
	return false
}

// MayWrite is true when the evidence allows an entry to be written: proven, excused by the spec, or, as the time runs out, not
// refused by anybody, because then the entry that it replaces dies.
//
// The cluster's token for OCM comes last: once telemetry reports with it, OCM counts this cluster as switched, and may delete the old
// credentials of the entries that still wait.
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

// skipped is true when the spec does not want the registry to be asked: what it has said before counts no longer.
func skipped(in Input, c Change) bool {
	return slices.ContainsFunc(in.Facts.IssuedChecks, func(k Check) bool { return k.Registry == c.Source && k.Policy == v1alpha1.VerificationSkip })
}

// refused is true when a registry has refused the issued credential. OCM's own word about the cluster's token does not count, but that
// of the registry with which it shares its credential: a token that no cluster has reported with yet may be refused.
func refused(in Input, c Change) bool {
	return slices.ContainsFunc(in.Status.Credentials, func(o v1alpha1.CredentialStatus) bool {
		about := o.Registry == c.Source
		if c.Source == telemetryRegistry {
			about = o.Registry != c.Source
		}
		return about && o.Fingerprint == c.Fingerprint && o.RefusedSince != nil
	})
}

// closes is when unproven credentials that nothing has refused are written: a margin before OCM's offer to this cluster ends,
// because then OCM may delete the old ones, whether this cluster has switched or not.
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

// closing is true when the time to switch runs out, or has: OCM says that the old credentials are deleted, and nothing proves that what
// is in use is something else.
func closing(in Input) bool {
	if in.Status.Rotation.OCMStatus == RotationCompleted {
		return !meta.IsStatusConditionTrue(in.Status.Conditions, v1alpha1.ConditionPullSecretValid)
	}
	return !in.Now.Before(closes(in))
}

// unverified says why nothing more can be written yet, what is at stake, and when that changes.
func unverified(in Input) *Decision {
	r := in.Status.Rotation
	refused, unknown := Judge(in.Facts.IssuedChecks)
	// Each retry asks OCM once and every registry: less often the longer it takes.
	retry := max(schedule.PollInterval(in.Now.Sub(r.IssuedAt.Time), in.Timing.VerifyRetry, in.Timing.PollMax), retryAfter(in.Facts.IssuedChecks))
	if until := closes(in).Sub(in.Now); until > 0 {
		retry = min(retry, until)
	}
	switch {
	case len(refused) > 0 && in.Now.Sub(r.IssuedAt.Time) < in.Timing.VerifyDeadline:
		return decided(Waiting(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
			fmt.Sprintf("The new credentials are not accepted everywhere yet: %s. They may need time to spread; until %s a refusal does not count. These entries were not written.",
				strings.Join(refused, "; "), OnTheClock(r.IssuedAt.Add(in.Timing.VerifyDeadline))), retry))
	case len(refused) > 0:
		return decided(Waiting(Failing, v1alpha1.ReasonCredentialsRefused, "New credentials refused",
			fmt.Sprintf("The new credentials are refused: %s. These entries were not written; %s The operator will retry; if it stays so, open a "+
				"support case with Red Hat that names rotation %s, or set spec.verification for that registry.", strings.Join(refused, "; "), atStake(in), r.ID), retry))
	default:
		return decided(Waiting(Failing, v1alpha1.ReasonVerificationIncomplete, "Verifying new credentials",
			fmt.Sprintf("The new credentials could not be verified: %s. These entries were not written; %s At %s they are written unproven unless a registry refuses them. Check the way from this "+
				"cluster to the registry, or set its policy in spec.verification to BestEffort or Skip.", strings.Join(unknown, "; "), atStake(in), OnTheClock(closes(in))), retry))
	}
}

// atStake says what becomes of what is in use, without promising what nobody has proven.
func atStake(in Input) string {
	switch r := in.Status.Rotation; {
	case r.OCMStatus == RotationCompleted:
		return "OCM has deleted the old ones, so the pull secret in use is dead."
	case refusedInUse(in.Status) != nil:
		return "the pull secret in use is refused as well."
	default:
		return "those in use die when OCM ends the rotation."
	}
}
