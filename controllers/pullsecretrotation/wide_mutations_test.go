package pullsecretrotation

import (
	"errors"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// wideMutations undo one fix each. The walk of the named scenario must stop at it. The reconciler continues with a mutation's changes of the
// status.
var wideMutations = []struct {
	defect   string
	scenario string
	judge    func(decide.Input) decide.Decision
}{
	{"writes what was never proven", "registries that are unreachable for long", func(in decide.Input) decide.Decision {
		for i := range in.Status.Credentials {
			in.Status.Credentials[i].VerifiedAt = decide.TimePtr(in.Now)
		}
		return decide.Decide(in)
	}},
	{"treats an unreachable registry as a refusal", "registries that are unreachable for long", func(in decide.Input) decide.Decision {
		for _, c := range in.Facts.IssuedChecks {
			if row := (decide.Record{PullSecretRotationStatus: in.Status}).Credential(c.Registry, c.Fingerprint); row != nil && c.Result.Outcome == decide.Unreachable {
				row.RefusedSince = decide.TimePtr(in.Now)
			}
		}
		return decide.Decide(in)
	}},
	{"lets the time run out", "registries that are unreachable for long", func(in decide.Input) decide.Decision {
		in.Timing.Window, in.Timing.WindowMargin = 1000*time.Hour, 0
		if r := in.Status.Rotation; r != nil {
			r.OfferEndsAt = decide.TimePtr(in.Now.Add(1000 * time.Hour))
		}
		return decide.Decide(in)
	}},
	{"writes what a registry refuses as soon as it may not be in time", "registries that come and go", func(in decide.Input) decide.Decision {
		if r := in.Status.Rotation; r != nil && r.IssuedAt != nil {
			in.Timing.Window, r.OfferEndsAt = 0, r.IssuedAt
		}
		for i := range in.Status.Credentials {
			in.Status.Credentials[i].RefusedSince = nil
		}
		return decide.Decide(in)
	}},
	{"requests although a registry is unreachable", "registries that are unreachable for long", func(in decide.Input) decide.Decision {
		in.Status = in.Status.DeepCopy()
		in.Status.Registries = nil
		return decide.Decide(in)
	}},
	{"requests although the machines are stuck", "a pool that degrades for reasons of its own", func(in decide.Input) decide.Decision {
		facts := *in.Facts
		if facts.Pools != nil {
			facts.Pools = &[]decide.Pool{}
		}
		in.Facts = &facts
		return decide.Decide(in)
	}},
	{"rolls back for a pool that degrades", "a pool that degrades for reasons of its own", func(in decide.Input) decide.Decision {
		d, r := decide.Decide(in), in.Status.Rotation
		stuck := in.Facts.Pools != nil && slices.ContainsFunc(*in.Facts.Pools, func(p decide.Pool) bool { return p.Degraded })
		if stuck && decide.UnderWay(r) && r.AppliedAt != nil && d.Step == decide.Wait {
			if !in.Facts.BackupKnown {
				return decide.Do(decide.LookAtBackup)
			}
			return decide.Do(decide.RollBack)
		}
		return d
	}},
	{"treats a lagging replica's response as new", "a lagging replica", func(in decide.Input) decide.Decision {
		if in.Facts.Issued != nil {
			in.Facts.Issued.Superseded = false
		}
		return decide.Decide(in)
	}},
	{"forgets when OCM issued a credential", "a lagging replica", func(in decide.Input) decide.Decision {
		for i := range in.Status.Credentials {
			in.Status.Credentials[i].GivenAt = nil
		}
		if in.Status.Rotation != nil {
			in.Status.Rotation.Baseline = nil
		}
		return decide.Decide(in)
	}},
	{"treats a pull secret of an unknown owner as the account's", "a cluster without telemetry and another account's credential", func(in decide.Input) decide.Decision {
		if o := in.Facts.Owner; o != nil && o.AccountID == "" {
			o.Known = true
		}
		return decide.Decide(in)
	}},
	{"treats every credential as the account's", "the second target is another account's", func(in decide.Input) decide.Decision {
		for i := range in.Status.Credentials {
			if in.Status.Account != nil {
				in.Status.Credentials[i].AccountID = in.Status.Account.ID
			}
		}
		return decide.Decide(in)
	}},
	{"does not check the pull secret's owner again before the request", "two targets of one account", func(in decide.Input) decide.Decision {
		d, r := decide.Decide(in), in.Status.Rotation
		if d.Reason == v1alpha1.ReasonAccountMismatch && decide.UnderWay(r) && r.ID == "" && in.Facts.Rotations != nil {
			return decide.Do(decide.RecordIntent)
		}
		return d
	}},
	{"serves the second target only with the first", "two targets of one account", func(in decide.Input) decide.Decision {
		for i := range in.Facts.Targets[min(1, len(in.Facts.Targets)):] {
			in.Facts.Targets[i+1].Changes, in.Facts.Targets[i+1].Old = nil, nil
		}
		if in.Facts.Issued != nil {
			in.Facts.Issued.InUse = in.Facts.Issued.InUse || in.Facts.Targets != nil && len(in.Facts.Targets[0].Changes) == 0
		}
		return decide.Decide(in)
	}},
	{"waits for an old record", "an old record that never ends", func(in decide.Input) decide.Decision {
		if in.Facts.Rotations != nil {
			for i := range *in.Facts.Rotations {
				if r := &(*in.Facts.Rotations)[i]; r.Status == decide.RotationPending && r.CreatedAt.Before(in.Now.AddDate(0, -6, 0)) {
					r.CreatedAt = in.Now.Add(-time.Hour)
				}
			}
		}
		return decide.Decide(in)
	}},
	{"allows for clock skew on one side only", "the cluster's clock is ahead", func(in decide.Input) decide.Decision {
		if in.Facts.Rotations != nil && in.Spec.RotateAfter != nil {
			for i := range *in.Facts.Rotations {
				if r := &(*in.Facts.Rotations)[i]; r.CreatedAt.Before(in.Spec.RotateAfter.Time) {
					r.CreatedAt = r.CreatedAt.AddDate(0, -1, 0)
				}
			}
		}
		return decide.Decide(in)
	}},
	{"counts an edited schedule from the object's creation", "schedules are edited", func(in decide.Input) decide.Decision {
		if in.Status.Schedule != nil {
			in.Status.Schedule.Since = metav1.NewTime(in.Created)
		}
		return decide.Decide(in)
	}},
	{"counts OCM's refusal of a token before a cluster has reported with it", "a token that OCM refuses until a cluster reports with it", func(in decide.Input) decide.Decision {
		for _, c := range in.Status.Credentials {
			for i := range in.Status.Credentials {
				if o := &in.Status.Credentials[i]; c.Registry == telemetryRegistry && c.RefusedSince != nil && o.Fingerprint == c.Fingerprint && o.VerifiedAt == nil {
					o.RefusedSince = c.RefusedSince
				}
			}
		}
		return decide.Decide(in)
	}},
	{"treats the next rotation's credentials as this one's", "a follower with only the cluster's token", func(in decide.Input) decide.Decision {
		d, r := decide.Decide(in), in.Status.Rotation
		if d.Step == decide.RecordID && r.IssuedAt != nil {
			return decide.Do(decide.MarkIssued)
		}
		return d
	}},
	{"believes an old proof", "OCM is unavailable for days", func(in decide.Input) decide.Decision {
		if in.Status.LastHealthCheck != nil {
			in.Status.LastHealthCheck = decide.TimePtr(in.Now)
		}
		return decide.Decide(in)
	}},
	{"treats OCM's report as proof of a revocation", "registries that accept what OCM has deleted", func(in decide.Input) decide.Decision {
		for i := range in.Facts.OldChecks {
			in.Facts.OldChecks[i].Result.Outcome = decide.Unauthorized
		}
		return decide.Decide(in)
	}},
	{"treats an unreachable registry as one that refuses the old credentials", "registries that accept what OCM has deleted", func(in decide.Input) decide.Decision {
		for i := range in.Facts.OldChecks {
			if c := &in.Facts.OldChecks[i]; c.Result.Outcome == decide.Unreachable {
				c.Result.Outcome = decide.Unauthorized
			}
		}
		return decide.Decide(in)
	}},
	{"works in mode Audit", "modes are edited", func(in decide.Input) decide.Decision {
		if in.Spec.Mode == v1alpha1.ModeAudit {
			in.Spec = in.Spec.DeepCopy()
			in.Spec.Mode = v1alpha1.ModeRotate
		}
		return decide.Decide(in)
	}},
}

func TestWideWalk_FindsWhatIsTakenBack(t *testing.T) {
	skipLongWalk(t)
	t.Setenv("SSL_CERT_FILE", "")
	for _, mutation := range wideMutations {
		t.Run(mutation.defect, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(wideScenarios, func(c wideScenario) bool { return c.name == mutation.scenario })
			if i < 0 {
				t.Fatalf("there is no scenario %q", mutation.scenario)
			}
			w := &wideWalk{wideModel: &wideModel{wideScenario: &wideScenarios[i], judge: mutation.judge}, limit: wideLimit()}
			if err := w.run(); err == nil || errors.Is(err, errTooMany) {
				t.Errorf("%d states were walked and the defect was not found", len(w.seen))
			} else {
				t.Logf("found after %d states: %v", len(w.seen), err)
			}
		})
	}
}
