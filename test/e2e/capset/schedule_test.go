package capset

// When refreshes are due. The bookkeeping is on the Secrets, so every later process knows it.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// reconciled matches the counter of successful reconciles; CAP's controller requeues by time.
var reconciled = regexp.MustCompile(`controller_runtime_reconcile_total\{controller="capcredentialset",result="(requeue_after|success)"\} [1-9]`)

// looked waits until a process has reconciled the set.
func (w *world) looked(p *harness.OperatorProcess) {
	w.t.Helper()
	w.eventually("the process has reconciled the set", func(ctx context.Context) error {
		metrics, err := p.Metrics(ctx)
		if err == nil && !reconciled.MatchString(metrics) {
			err = errors.New("no reconcile has succeeded yet")
		}
		return err
	})
}

// aRoleEach gives each request of the payload its own role, so that no Secret can be copied to another.
func (w *capWorld) aRoleEach(s *v1alpha1.CAPCredentialSet) {
	s.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{}
	for _, r := range harness.PayloadRequests() {
		w.cap.AddRole(r.Name, "333333333333")
		s.Spec.CredentialsRequests.Roles = append(s.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: r.Name, Role: r.Name})
	}
}

// A restarted operator reads the bookkeeping on the Secrets: nothing is due, and due times stay the same.
func TestSchedule_ARestartRefreshesNothingAndMovesNoDueTime(t *testing.T) {
	for name, end := range map[string]func(*capWorld){
		"terminated": func(w *capWorld) { w.stop() },
		"killed":     func(w *capWorld) { w.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			w.start()
			w.create(w.aRoleEach)
			before := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
			end(w)
			w.cap.ResetCounts()
			w.api.Forget()

			w.start()
			w.looked(w.operator)
			w.stop()
			if n := w.cap.Counts().Requests; n != 0 {
				t.Errorf("the restart caused %d requests to CAP", n)
			}
			if writes := w.writes(); len(writes) != 0 {
				t.Errorf("the restart wrote: %v", writes)
			}
			due := map[time.Time]int{}
			for _, row := range before.Status.Targets {
				due[row.NextRefresh.Time]++
			}
			if len(due) < 5 { // by chance two of seven may be due in the same second
				t.Errorf("seven roles are due at only %d different times", len(due))
			}
		})
	}
}

// Two replicas, and the leader is killed: the other continues.
func TestSchedule_AChangeOfTheLeaderRefreshesNothing(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.config.Args = append(w.config.Args, "--leader-elect", "--leader-elect-lease-duration=12s", "--leader-elect-renew-deadline=10s", "--leader-elect-retry-period=500ms")
	w.start()
	w.create()
	w.eventuallyFresh()
	standby := w.startStandby()
	w.cap.ResetCounts()
	w.api.Forget()
	metrics, err := standby.Metrics(t.Context())
	must(t, err)
	if reconciled.MatchString(metrics) {
		t.Error("the standby reconciles beside the leader")
	}

	w.replicas[0].Kill()
	w.looked(standby)
	if n := w.cap.Counts().Requests; n != 0 {
		t.Errorf("the change caused %d requests to CAP", n)
	}
	if writes := w.writes(); len(writes) != 0 {
		t.Errorf("the change wrote: %v", writes)
	}
	if reads := w.secretReads(); reads != 0 {
		t.Errorf("the change read Secrets by %d lists and watches, want none, because the standby had them", reads)
	}
	w.rewrite("openshift-machine-api", "aws-cloud-credentials", "a-person", func(s *corev1.Secret) { s.Data["credentials"] = []byte("x") })
	w.eventuallyEvent(v1alpha1.ReasonSecretEdited, "a-person") // the new leader leads
}

// secretReads are the lists and watches of Secrets since the tap's last Forget.
func (w *capWorld) secretReads() int {
	return len(w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && (r.Verb == "list" || r.Verb == "watch")
	}))
}

// startStandby starts a second replica, and waits until it watches what the first one does.
func (w *capWorld) startStandby() *harness.OperatorProcess {
	w.t.Helper()
	w.api.Forget()
	second := w.config
	second.Dir = w.t.TempDir()
	second.Env = append(slices.Clone(second.Env), "POD_NAME=operator-1") // with the name of the first it would share its lead
	standby, err := harness.StartOperator(w.t.Context(), second)
	must(w.t, err)
	w.replicas = append(w.replicas, w.operator)
	w.operator = standby
	must(w.t, standby.WaitReady(w.t.Context()))
	want := len(harness.PayloadRequests()) + 1 // the client certificate's
	w.eventually("the standby watches the Secrets", func(context.Context) error {
		if n := w.secretReads(); n < want {
			return fmt.Errorf("%d of %d", n, want)
		}
		return nil
	})
	return standby
}

// The leader ends as in a rolling update, and no replica would otherwise try to lead within an hour.
func TestSchedule_ALeaderThatEndsHandsOver(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.config.Args = append(w.config.Args, "--leader-elect", "--leader-elect-lease-duration=3h", "--leader-elect-renew-deadline=2h", "--leader-elect-retry-period=1h")
	w.start()
	w.create()
	w.eventuallyFresh()
	leader := w.operator
	standby := w.startStandby()
	code, err := leader.Stop(t.Context())
	must(t, err)
	if code != 0 {
		t.Errorf("the leader ended with %d", code)
	}
	w.looked(standby)
}

// rebook changes the times in the bookkeeping on a Secret, with a valid seal, as after a wrong clock or a restored backup. An empty
// time removes it. A running operator remembers the real times, so this is for one that starts later.
func (w *capWorld) rebook(namespace, name, refreshed, expires string) {
	w.t.Helper()
	key := w.secret(w.installation.Namespace, "credential-rotation-operator-hash-key").Data["key"]
	w.rewrite(namespace, name, "a-clock", func(s *corev1.Secret) {
		for annotation, value := range map[string]string{v1alpha1.RefreshedAtAnnotation: refreshed, v1alpha1.ExpiresAtAnnotation: expires} {
			delete(s.Annotations, annotation)
			if value != "" {
				metav1.SetMetaDataAnnotation(&s.ObjectMeta, annotation, value)
			}
		}
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.SealAnnotation, awscreds.Seal(key, awscreds.Statement{
			Namespace: namespace, Name: name, UID: string(s.UID), Role: s.Annotations[v1alpha1.RoleAnnotation],
			RefreshedAt: timeOrNone(refreshed), ExpiresAt: timeOrNone(expires), ExpirySource: s.Annotations[v1alpha1.ExpiryAnnotation],
		}, s.Data))
	})
}

// timeOrNone is the time in an annotation; an invalid one counts as none.
func timeOrNone(noted string) time.Time {
	t, err := time.Parse(time.RFC3339, noted)
	if err != nil {
		return time.Time{}
	}
	return t
}

func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

// A cluster that was switched off for days: everything has expired when it comes back.
func TestSchedule_AClusterThatWakesRefreshesAllAtOnceTheMostImportantFirst(t *testing.T) {
	important := []string{"openshift-machine-api-aws", "openshift-ingress", "openshift-image-registry", "aws-ebs-csi-driver-operator",
		"openshift-cloud-network-config-controller-aws", "cloud-credential-operator-iam-ro", "openshift-cluster-api-aws"}
	for _, concurrent := range []int32{1, 3} {
		t.Run(fmt.Sprintf("%d at a time", concurrent), func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			w.start()
			w.create(w.aRoleEach, func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.MaxConcurrentRequests = concurrent })
			w.eventuallyFresh()
			w.stop()
			for _, r := range harness.PayloadRequests() {
				w.rebook(r.SecretNamespace, r.SecretName, ago(50*time.Hour), ago(49*time.Hour))
			}
			// Long, so that a busy machine sends concurrent requests within it.
			must(t, w.cap.Break(cap.Fault{Kind: cap.FaultDelay, Delay: simctl.Duration(time.Duration(concurrent-1) * time.Second)}))
			w.cap.ResetCounts()
			w.start()
			w.eventually("all are requested", func(context.Context) error {
				if n := w.cap.Counts().ByOutcome["fault:delay"]; n < 7 {
					return fmt.Errorf("%d answers", n)
				}
				return nil
			})
			w.eventuallyFresh()
			counts := w.cap.Counts()
			if counts.Requests != 7 || counts.MostInFlight != int(concurrent) {
				t.Errorf("%d requests, at most %d in parallel; want 7 and %d", counts.Requests, counts.MostInFlight, concurrent)
			}
			asked := w.cap.Requests()
			slices.SortFunc(asked, func(a, b cap.Request) int { return a.Time.Compare(b.Time) })
			for i, r := range asked {
				// Parallel requests may arrive in any order.
				if off := slices.Index(important, r.Role) - i; off <= -int(concurrent) || off >= int(concurrent) {
					t.Errorf("request %d was for %s, which is number %d in importance", i+1, r.Role, i+1+off)
				}
			}
		})
	}
}

// After a wrong clock, a restored backup or an edit, only Secrets with inconsistent bookkeeping are refreshed at once.
func TestSchedule_InconsistentBookkeepingCausesARefresh(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create(w.aRoleEach)
	w.eventuallyFresh()
	w.stop()
	noted := map[string][2]string{
		"openshift-machine-api-aws":                     {ago(-3 * time.Hour), ago(-4 * time.Hour)},     // fetched in the future
		"openshift-ingress":                             {ago(time.Minute), ago(-24 * 365 * time.Hour)}, // lives for a year
		"openshift-image-registry":                      {ago(time.Minute), "tomorrow"},
		"aws-ebs-csi-driver-operator":                   {"", ""},
		"openshift-cloud-network-config-controller-aws": {ago(2 * time.Hour), ago(time.Hour)}, // dead
	}
	control := []string{"openshift-cluster-api-aws", "cloud-credential-operator-iam-ro"} // the last two
	for _, r := range harness.PayloadRequests() {
		if b, ok := noted[r.Name]; ok {
			w.rebook(r.SecretNamespace, r.SecretName, b[0], b[1])
		} else {
			w.rebook(r.SecretNamespace, r.SecretName, ago(time.Minute), ago(-59*time.Minute))
		}
	}
	w.start()
	w.eventually("the five are requested again", func(context.Context) error {
		for role := range noted {
			if n := w.cap.Counts().ByRole[role]; n < 2 {
				return fmt.Errorf("%s was requested %d times", role, n)
			}
		}
		return nil
	})
	w.eventuallyFresh()
	w.stop()
	want := map[string]int{control[0]: 1, control[1]: 1}
	for role := range noted {
		want[role] = 2
	}
	if got := w.cap.Counts().ByRole; !maps.Equal(got, want) {
		t.Errorf("the requests are %v, want %v", got, want)
	}
}

func TestSchedule_ARequestForcesOneRefreshOfOlderCredentials(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	annotate := func(value string) {
		w.edit(func(s *v1alpha1.CAPCredentialSet) {
			metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, value)
		})
	}
	annotate(ago(time.Hour)) // all are newer
	annotate("now, please")  // no time
	w.cap.ResetCounts()
	w.eventuallyRefreshed(w.requestRefresh())
	// A restart finds the same request, and that it has been fulfilled.
	w.stop()
	w.start()
	w.looked(w.operator)
	w.stop()
	if n := w.cap.Counts(); n.Requests != 2 || n.ByRole[machineRole] != 1 || n.ByRole[platformRole] != 1 {
		t.Errorf("%v requests to CAP, want one per role", n.ByRole)
	}
}

// The command does the same with the current time.
func TestSchedule_TheRefreshCommandForcesOneRefresh(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	newest := set.Status.Targets[0].RefreshedAt.Time
	for _, row := range set.Status.Targets {
		if row.RefreshedAt.After(newest) {
			newest = row.RefreshedAt.Time
		}
	}
	w.eventually("the second of the refresh is over, because bookkeeping has whole seconds", func(context.Context) error {
		if time.Now().Before(newest.Add(time.Second)) {
			return errors.New("not yet")
		}
		return nil
	})
	w.cap.ResetCounts()
	out := w.execute("credential-rotation-operator refresh " + setName)
	if err := missing(out, setName, "older than"); err != nil {
		t.Error(err)
	}
	w.eventuallyRefreshed(newest.Add(time.Second))
	if err := wantCalls(w.cap.Counts(), 1, 1); err != nil {
		t.Error(err)
	}
}

// An expiry is by CAP's clock. A cluster whose clock is hours behind must not trust an expired credential, one whose clock is hours ahead
// must not refuse valid ones, and a wrong clock of CAP's web server must not override the cluster's own clock.
func TestSchedule_AClockThatIsHoursOffMovesNoRefreshAndIsShown(t *testing.T) {
	for name, test := range map[string]struct {
		// portal is how far CAP's clock is ahead of the cluster's, date how far its header Date is ahead of that.
		portal, date time.Duration
		says         string
	}{
		"the cluster is behind":                {3 * time.Hour, 0, "3h0m0s ahead of"},
		"the cluster is ahead":                 {-3 * time.Hour, 0, "3h0m0s behind"},
		"the web server before CAP is ahead":   {0, 3 * time.Hour, "3h0m0s ahead of"},
		"the web server before CAP is behind":  {0, -3 * time.Hour, "3h0m0s behind"},
		"the cluster is behind by ten minutes": {10 * time.Minute, 0, "10m0s ahead of"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			w.cap.Advance(test.portal)
			w.cap.Configure(func(s *cap.Settings) { s.DateSkew = simctl.Duration(test.date) })
			w.start()
			w.create()
			set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
			for _, row := range set.Status.Targets {
				// By the cluster's clock. A minute is longer than a request, and less than any of the differences.
				lifetime, wait := row.ExpiresAt.Sub(row.RefreshedAt.Time), row.NextRefresh.Sub(row.RefreshedAt.Time)
				if (lifetime-time.Hour).Abs() > time.Minute || wait > 31*time.Minute || wait < 23*time.Minute {
					t.Errorf("%s/%s lives for %s and is refreshed after %s, want an hour and half of it", row.Namespace, row.Name, lifetime, wait)
				}
			}
			w.eventuallyCondition(v1alpha1.ConditionClockSkewed, v1alpha1.ReasonClockSkew, test.says, "chrony")
			w.eventuallyEvent(v1alpha1.ReasonClockSkew, test.says)

			w.cap.Advance(-test.portal)
			w.cap.Configure(func(s *cap.Settings) { s.DateSkew = 0 })
			w.eventuallyRefreshed(w.requestRefresh())
			w.eventually("the clocks agree again", func(ctx context.Context) error {
				set, err := w.read(ctx)
				if c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionClockSkewed); err == nil && c != nil {
					err = errors.New(c.Message)
				}
				return err
			})
		})
	}
}
