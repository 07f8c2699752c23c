package pullsecret

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// defaults is a spec with the schema's defaults whose T is long past.
func defaults() v1alpha1.PullSecretRotationSpec {
	spec := v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, RotateAfter: ptr.To(metav1.NewTime(longAgo)), Approval: v1alpha1.ApprovalNone, SiblingClusters: v1alpha1.SiblingsAllow,
		Rollback: v1alpha1.RollbackAutomatic, HealthCheckInterval: &metav1.Duration{Duration: 6 * time.Hour},
		Targets: []v1alpha1.SecretReference{global, hub},
	}
	spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: ocmKey.Name}
	spec.Entries.Foreign = v1alpha1.ForeignKeep
	spec.Rollout.WaitForPools, spec.Rollout.Timeout = ptr.To(true), &metav1.Duration{Duration: 2 * time.Hour}
	return spec
}

// probeImages are some that the machines may be asked to pull.
var probeImages = []string{"quay.io/openshift-release-dev/probe:v1", "registry.example.com/elsewhere:v1"}

type mutator func(*world, *v1alpha1.PullSecretRotationSpec)

// mutators change one field each to any value that the schema allows, within reason. The key is the field's path.
var mutators = map[string]mutator{
	"mode": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Mode = pick(w, []v1alpha1.RotationMode{v1alpha1.ModeRotate, v1alpha1.ModeRotate, v1alpha1.ModeFollow, v1alpha1.ModeAudit})
	},
	"rotateAfter": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.RotateAfter = nil
		if !w.Odds(4) {
			s.RotateAfter = ptr.To(metav1.NewTime(time.Now().Add(time.Duration(w.Roll(72)-36) * time.Hour).Truncate(time.Second)))
		}
	},
	"schedule": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Schedule = nil
		if !w.Odds(3) {
			s.Schedule = &v1alpha1.RotationSchedule{Cron: pick(w, []string{"0 3 * * *", "30 4 1 * *", "0 0 30 2 *", "0 9 * * 1"}), TimeZone: "UTC"}
		}
	},
	"schedule.cron": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if s.Schedule != nil {
			s.Schedule.Cron = pick(w, []string{"15 2 * * *", "0 12 */10 * *", "99 99 * * *"})
		}
	},
	"schedule.timeZone": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if s.Schedule != nil {
			s.Schedule.TimeZone = pick(w, []string{"Europe/Berlin", "UTC", "America/St_Johns", "Nowhere/Land"})
		}
	},
	"startWindows": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.StartWindows = nil
		if !w.Odds(2) {
			s.StartWindows = []v1alpha1.StartWindow{{Cron: "0 22 * * *", Duration: metav1.Duration{Duration: 6 * time.Hour}}}
		}
	},
	"startWindows.cron": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		for i := range s.StartWindows {
			s.StartWindows[i].Cron = pick(w, []string{"0 1 * * 6", "*/20 * * * *", "0 0 31 2 *"})
		}
	},
	"startWindows.duration": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		for i := range s.StartWindows {
			s.StartWindows[i].Duration.Duration = pick(w, []time.Duration{time.Minute, 8 * time.Hour, 168 * time.Hour})
		}
	},
	"startWindows.timeZone": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		for i := range s.StartWindows {
			s.StartWindows[i].TimeZone = pick(w, []string{"", "Asia/Kathmandu", "Nowhere/Land"})
		}
	},
	"approval": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Approval = pick(w, []v1alpha1.ApprovalPolicy{v1alpha1.ApprovalNone, v1alpha1.ApprovalBeforeRequest})
	},
	"siblingClusters": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.SiblingClusters = pick(w, []v1alpha1.SiblingPolicy{v1alpha1.SiblingsAllow, v1alpha1.SiblingsRefuse})
	},
	"suspend": func(w *world, s *v1alpha1.PullSecretRotationSpec) { s.Suspend = w.Odds(2) },
	"ocm.url": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.URL = pick(w, []string{"", "https://" + simocm.APIHost, "https://api.openshiftusgov.com", "https://elsewhere.example.com"})
	},
	"ocm.tokenURL": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.TokenURL = pick(w, []string{"", "https://" + simocm.SSOHost + simocm.TokenPath, "https://elsewhere.example.com/token"})
	},
	"ocm.credentialsSecretRef": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.CredentialsSecretRef = nil
		if !w.Odds(2) {
			s.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: ocmKey.Name}
		}
	},
	"ocm.credentialsSecretRef.name": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: pick(w, []string{"ocm", "missing"})}
	},
	"ocm.caBundleConfigMapRef": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.CABundleConfigMapRef = nil
		if w.Odds(2) {
			s.OCM.CABundleConfigMapRef = &v1alpha1.LocalReference{Name: "ca"}
		}
	},
	"ocm.caBundleConfigMapRef.name": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.CABundleConfigMapRef = &v1alpha1.LocalReference{Name: pick(w, []string{"ca", "missing"})}
	},
	"ocm.accountID": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.OCM.AccountID = pick(w, []string{"", w.account.ID, "somebody-else"})
	},
	"entries.addMissing": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Entries.AddMissing = pick(w, [][]string{nil, {simocm.RedHatConnect}, {simocm.CloudOpenShift, simocm.Quay}, {"unknown.example.com"}})
	},
	"entries.foreign": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Entries.Foreign = pick(w, []v1alpha1.ForeignPolicy{v1alpha1.ForeignKeep, v1alpha1.ForeignReplace})
	},
	"verification": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Verification = nil
		if !w.Odds(3) {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: pick(w, simocm.Registries)}, {Registry: "registry.example.com"}}
		}
	},
	"verification.registry": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if len(s.Verification) > 0 {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: pick(w, simocm.Registries)}}
		}
	},
	"verification.policy": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		for i := range s.Verification {
			s.Verification[i].Policy = pick(w, []v1alpha1.VerificationPolicy{"", v1alpha1.VerificationRequired, v1alpha1.VerificationBestEffort, v1alpha1.VerificationSkip})
		}
	},
	"verification.image": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		for i := range s.Verification {
			s.Verification[i].Image = pick(w, []string{"", "registry.redhat.io/" + proofImage + ":latest", "quay.io/nobody/nothing:v1"})
		}
	},
	"targets": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Targets = pick(w, [][]v1alpha1.SecretReference{{global}, {global, hub}, {hub, global}, {hub}, {global, {Namespace: "hive", Name: "missing"}}})
	},
	"targets.namespace": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Targets = append([]v1alpha1.SecretReference{global}, v1alpha1.SecretReference{Namespace: pick(w, []string{"hive", "nowhere"}), Name: hub.Name})
	},
	"targets.name": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Targets = append([]v1alpha1.SecretReference{global}, v1alpha1.SecretReference{Namespace: hub.Namespace, Name: pick(w, []string{hub.Name, "other"})})
	},
	"rollout.waitForPools": func(w *world, s *v1alpha1.PullSecretRotationSpec) { s.Rollout.WaitForPools = ptr.To(w.Odds(2)) },
	"rollout.timeout": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Rollout.Timeout = &metav1.Duration{Duration: pick(w, []time.Duration{time.Minute, 2 * time.Hour, 168 * time.Hour})}
	},
	"rollout.allowNodeDisruption": func(w *world, s *v1alpha1.PullSecretRotationSpec) { s.Rollout.AllowNodeDisruption = w.Odds(2) },
	"rollout.probe": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Rollout.Probe = nil
		if !w.Odds(3) {
			s.Rollout.Probe = &v1alpha1.RolloutProbe{Image: pick(w, probeImages), Timeout: &metav1.Duration{Duration: time.Hour}}
		}
	},
	"rollout.probe.image": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if s.Rollout.Probe != nil {
			s.Rollout.Probe.Image = pick(w, probeImages)
		}
	},
	"rollout.probe.pools": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if s.Rollout.Probe != nil {
			s.Rollout.Probe.Pools = pick(w, [][]string{nil, {poolName}, {"missing"}, {poolName, "missing"}})
		}
	},
	"rollout.probe.timeout": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		if s.Rollout.Probe != nil {
			s.Rollout.Probe.Timeout = &metav1.Duration{Duration: pick(w, []time.Duration{time.Minute, time.Hour, 24 * time.Hour})}
		}
	},
	"rollback": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.Rollback = pick(w, []v1alpha1.RollbackPolicy{v1alpha1.RollbackAutomatic, v1alpha1.RollbackNever})
	},
	"healthCheckInterval": func(w *world, s *v1alpha1.PullSecretRotationSpec) {
		s.HealthCheckInterval = &metav1.Duration{Duration: pick(w, []time.Duration{10 * time.Minute, 6 * time.Hour, 48 * time.Hour})}
	},
}

// comply changes what the rules of the schema demand beside an edit. What was edited stays.
func comply(was, now *v1alpha1.PullSecretRotationSpec) {
	if now.Mode != v1alpha1.ModeFollow && now.OCM.CredentialsSecretRef == nil {
		if now.Mode != was.Mode {
			now.OCM.CredentialsSecretRef = defaults().OCM.CredentialsSecretRef
		} else {
			now.Mode, now.RotateAfter, now.Schedule = v1alpha1.ModeFollow, nil, nil
		}
	}
	due := now.RotateAfter != nil || now.Schedule != nil
	switch {
	case now.Mode == v1alpha1.ModeFollow && due && now.Mode == was.Mode:
		now.Mode, now.OCM.CredentialsSecretRef = v1alpha1.ModeRotate, defaults().OCM.CredentialsSecretRef
	case now.Mode == v1alpha1.ModeFollow:
		now.RotateAfter, now.Schedule = nil, nil
	case now.Mode == v1alpha1.ModeRotate && !due && now.Mode == was.Mode:
		now.Mode = v1alpha1.ModeAudit
	case now.Mode == v1alpha1.ModeRotate && !due:
		now.RotateAfter = ptr.To(metav1.NewTime(longAgo))
	}
	if now.Rollout.Probe != nil && !*now.Rollout.WaitForPools {
		if was.Rollout.Probe == nil {
			now.Rollout.WaitForPools = ptr.To(true)
		} else {
			now.Rollout.Probe = nil
		}
	}
}

func TestEachFieldOfTheSpecIsEdited(t *testing.T) {
	stage.CheckEdits(t, reflect.TypeFor[v1alpha1.PullSecretRotationSpec](), mutators)
}

// editSpec changes one field.
func (c *cluster) editSpec() {
	change := stage.PickEdit(c.World, c.Name, mutators)
	c.edit(func(o *v1alpha1.PullSecretRotation) { change(c.w, &o.Spec) })
}

// correct is a person who puts the spec in order.
func (c *cluster) correct() {
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		o.Spec = defaults()
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, "corrected", fmt.Sprint(time.Now().Unix()))
	})
}
