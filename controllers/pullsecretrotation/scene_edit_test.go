package pullsecretrotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// The spec is edited while a rotation is under way.

func TestEdit_InTheMiddleIsNotReadyWhileWhatIsInUseIsAboutToDie(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.PullSecretRotationSpec){
		"to mode Audit": func(s *v1alpha1.PullSecretRotationSpec) { s.Mode = v1alpha1.ModeAudit },
		"suspended":     func(s *v1alpha1.PullSecretRotationSpec) { s.Suspend = true },
	} {
		for _, issued := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, issued %v", name, issued), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.create(dueNow())
				s.until("a rotation is requested", day, requested)
				id := s.get().Status.Rotation.ID
				if issued {
					s.registries.reachable(simocm.RedHatConnect, false)
					s.sim.RunBatch()
					s.run(time.Hour)
				}
				s.edit(edit)
				for range 10 {
					s.run(12 * time.Hour)
					if name == "suspended" { // Ready keeps its last value, and another condition reports the suspension
						s.notReady()
						if _, _, message := s.condition(v1alpha1.ConditionSuspended); !strings.Contains(message, id) {
							t.Errorf("the condition Suspended does not say which rotation ends the pull secret in use: %s", message)
						}
						continue
					}
					s.notReady(id)
				}
				s.posts(1)
				s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Mode, spec.Suspend = v1alpha1.ModeRotate, false })
				s.registries.reachable(simocm.RedHatConnect, true)
				s.run(2 * day)
				s.current(global)
			})
		}
	}
}

func TestEdit_OtherChangesInTheMiddleLoseNothing(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.PullSecretRotationSpec){
		"to mode Follow": func(s *v1alpha1.PullSecretRotationSpec) { s.Mode, s.RotateAfter = v1alpha1.ModeFollow, nil },
		"to a schedule":  scheduled("0 3 1 1 *", "UTC"),
		"T is put off": func(s *v1alpha1.PullSecretRotationSpec) {
			s.RotateAfter = ptr.To(metav1.NewTime(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)))
		},
		"rollback becomes Never":      func(s *v1alpha1.PullSecretRotationSpec) { s.Rollback = v1alpha1.RollbackNever },
		"another target first":        func(s *v1alpha1.PullSecretRotationSpec) { s.Targets = []v1alpha1.SecretReference{hub, global} },
		"an entry is to be added":     func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{simocm.Quay} },
		"approval is needed from now": func(s *v1alpha1.PullSecretRotationSpec) { s.Approval = v1alpha1.ApprovalBeforeRequest },
		"windows that are not open": func(s *v1alpha1.PullSecretRotationSpec) {
			s.StartWindows = []v1alpha1.StartWindow{{Cron: "0 0 29 2 *", Duration: metav1.Duration{Duration: time.Minute}}}
		},
		"registries become BestEffort": func(s *v1alpha1.PullSecretRotationSpec) {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: simocm.Quay, Policy: v1alpha1.VerificationBestEffort}}
		},
	} {
		for at, when := range map[string]func(*v1alpha1.PullSecretRotation) bool{"once requested": requested, "once applied": applied} {
			t.Run(name+", "+at, func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.putTarget(hub, s.document(global))
				s.create(dueNow(withHub))
				s.until(at, 2*day, when)
				s.edit(edit)
				for range 9 {
					s.run(day)
					s.alive(global)
				}
				s.posts(1)
				s.current(global)
			})
		}
	}
}
