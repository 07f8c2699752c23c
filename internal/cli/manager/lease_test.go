package manager

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
)

func TestAPod_IsTheSameAfterARestartAndAProcessWithoutOneIsNot(t *testing.T) {
	t.Setenv(podNameVariable, "operator-7d9-abcde")
	a, errA := identity()
	b, errB := identity()
	if errA != nil || errB != nil || a != b || a != "operator-7d9-abcde" {
		t.Errorf("a pod is %q and then %q (%v, %v)", a, b, errA, errB)
	}
	t.Setenv(podNameVariable, "")
	if a, b = must(identity()), must(identity()); a == b {
		t.Errorf("two processes on one machine are both %q", a)
	}
}

func must(s string, _ error) string { return s }

// The election runs with its default lease duration: a process that has to wait for it does not lead within this test's timeout.
func TestALead_IsTakenAtOnceWhereNobodyElseCanHaveIt(t *testing.T) {
	for name, test := range map[string]struct {
		holder  string
		renewed time.Duration // ago
		leads   bool
	}{
		"by the pod that led before":              {"me", 10 * time.Second, true},
		"after a shutdown of days":                {"another", 72 * time.Hour, true},
		"not from a leader that lives":            {"another", 10 * time.Second, false},
		"not from one whose clock is minutes off": {"another", 10 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: leaderElectionID},
				Spec: coordinationv1.LeaseSpec{
					HolderIdentity: ptr.To(test.holder), LeaseDurationSeconds: ptr.To[int32](3600),
					RenewTime: &metav1.MicroTime{Time: time.Now().Add(-test.renewed)},
				},
			})
			lease := &resourcelock.LeaseLock{Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}}
			lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = "ns", leaderElectionID
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			leads, tried := make(chan struct{}), make(chan struct{}, 100)
			elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
				Lock:          &counted{&lock{Interface: lease, clock: clock.RealClock{}}, tried},
				LeaseDuration: time.Hour, RenewDeadline: 30 * time.Minute, RetryPeriod: 10 * time.Millisecond,
				Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(leads) }, OnStoppedLeading: func() {}},
			})
			if err != nil {
				t.Fatal(err)
			}
			go elector.Run(ctx)
			if test.leads {
				<-leads
				return
			}
			for range 5 {
				<-tried
			}
			select {
			case <-leads:
				t.Error("it has taken the lead")
			default:
			}
		})
	}
}

// counted tells of each look at the Lease.
type counted struct {
	*lock
	tried chan struct{}
}

func (c *counted) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	defer func() {
		select {
		case c.tried <- struct{}{}:
		default:
		}
	}()
	return c.lock.Get(ctx)
}

// standby is an election of a process that tries again after an hour only. Another one holds the Lease; waits tells of each watch of it.
func standby(t *testing.T, c clock.Clock, validFor time.Duration) (client *fake.Clientset, waits, leads chan struct{}) {
	t.Helper()
	client = fake.NewClientset(&coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: leaderElectionID},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("another"), LeaseDurationSeconds: ptr.To(int32(validFor.Seconds())), RenewTime: &metav1.MicroTime{Time: c.Now()},
		},
	})
	lease := &resourcelock.LeaseLock{Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = "ns", leaderElectionID
	waits, leads = make(chan struct{}, 100), make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &lock{Interface: lease, clock: c, duration: validFor, watch: func(ctx context.Context) (watch.Interface, error) {
			w, err := client.CoordinationV1().Leases("ns").Watch(ctx, metav1.ListOptions{})
			waits <- struct{}{}
			return w, err
		}},
		LeaseDuration: 3 * time.Hour, RenewDeadline: 2 * time.Hour, RetryPeriod: time.Hour,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(leads) }, OnStoppedLeading: func() {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		elector.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return client, waits, leads
}

// update is one by the other process.
func update(t *testing.T, client *fake.Clientset, change func(*coordinationv1.LeaseSpec)) {
	t.Helper()
	leases := client.CoordinationV1().Leases("ns")
	lease, err := leases.Get(t.Context(), leaderElectionID, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	change(&lease.Spec)
	if _, err := leases.Update(t.Context(), lease, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestALeadThatIsGivenUp_IsTakenAtOnceAndNotWhenItIsTriedAgain(t *testing.T) {
	client, waits, leads := standby(t, clock.RealClock{}, time.Hour)
	<-waits
	update(t, client, func(s *coordinationv1.LeaseSpec) { s.RenewTime = &metav1.MicroTime{Time: time.Now().Add(time.Minute)} })
	<-waits // a renewal is no reason
	select {
	case <-leads:
		t.Fatal("it has taken the lead from one who renews it")
	default:
	}
	update(t, client, func(s *coordinationv1.LeaseSpec) { s.HolderIdentity = ptr.To("") })
	<-leads
}

func TestALeadThatIsNotRenewed_IsTakenWhenItsTimeIsOver(t *testing.T) {
	c := testingclock.NewFakeClock(time.Now())
	const validFor = 10 * time.Minute
	client, waits, leads := standby(t, c, validFor)
	<-waits
	passes := func(d time.Duration) {
		for !c.HasWaiters() {
			runtime.Gosched()
		}
		c.Step(d)
	}
	passes(validFor - time.Second)
	update(t, client, func(s *coordinationv1.LeaseSpec) { s.RenewTime = &metav1.MicroTime{Time: c.Now()} })
	<-waits
	passes(validFor - time.Second)
	select {
	case <-leads:
		t.Fatal("it has taken the lead before its time was over")
	default:
	}
	passes(time.Second)
	<-leads
}

// The election gives the lead up when it could not renew it within its deadline.
func TestNewLock_OneHangingRequestDoesNotLoseTheLead(t *testing.T) {
	for deadline, want := range map[time.Duration]time.Duration{107 * time.Second: 53500 * time.Millisecond, time.Second: time.Second} {
		made, err := newLock(&rest.Config{Host: "https://localhost:1"}, newLeaseRights("ns", logr.Discard()), "ns", options{renewDeadline: deadline})
		if err != nil {
			t.Fatal(err)
		}
		client := made.(*lock).Interface.(*resourcelock.LeaseLock).Client.(*coordinationv1client.CoordinationV1Client).RESTClient().(*rest.RESTClient).Client
		if client.Timeout != want {
			t.Errorf("with a deadline of %s a request may hang for %s, want %s", deadline, client.Timeout, want)
		}
	}
}

func TestNewLock_WatchesTheLeaseAloneAndForLong(t *testing.T) {
	var asked url.Values
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.Query() }))
	defer server.Close()
	made, err := newLock(&rest.Config{Host: server.URL}, newLeaseRights("ns", logr.Discard()), "ns", options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := made.(*lock).watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Stop()
	if asked.Get("fieldSelector") != "metadata.name="+leaderElectionID || asked.Get("timeoutSeconds") != "86400" {
		t.Errorf("it asked for %v", asked)
	}
}

// ledByAnother is a Lease that another process holds.
func ledByAnother() (*fake.Clientset, *resourcelock.LeaseLock) {
	client := fake.NewClientset(&coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: leaderElectionID},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("another"), RenewTime: &metav1.MicroTime{Time: time.Now()}},
	})
	lease := &resourcelock.LeaseLock{Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = "ns", leaderElectionID
	return client, lease
}

func TestALeadThatIsGivenUpBeforeTheWatchBegins_IsSeenAtOnce(t *testing.T) {
	client, lease := ledByAnother()
	silent, watches := watch.NewFake(), 0
	l := &lock{Interface: lease, clock: testingclock.NewFakeClock(time.Now()), duration: time.Hour, watch: func(context.Context) (watch.Interface, error) {
		watches++
		update(t, client, func(s *coordinationv1.LeaseSpec) { s.HolderIdentity = ptr.To("") })
		return silent, nil
	}}
	record, _, err := l.Get(t.Context())
	if err != nil || record.HolderIdentity != "" {
		t.Errorf("the lead is %+v, %v", record, err)
	}
	if _, open := <-silent.ResultChan(); open {
		t.Error("the watch goes on")
	}
	if record, _, err = l.Get(t.Context()); err != nil || record.HolderIdentity != "" || watches != 1 {
		t.Errorf("the lead is %+v, %v, after %d watches", record, err, watches)
	}
}

func TestAWatchOfTheLeadThatFailsOrIsNotNeededAnyMore_IsStopped(t *testing.T) {
	_, lease := ledByAnother()
	failed := watch.NewFakeWithChanSize(1, false)
	failed.Error(&metav1.Status{})
	ended, end := context.WithCancel(t.Context())
	end()
	for ctx, w := range map[context.Context]*watch.FakeWatcher{t.Context(): failed, ended: watch.NewFake()} {
		watches := 0
		l := &lock{Interface: lease, clock: testingclock.NewFakeClock(time.Now()), duration: time.Hour, watch: func(context.Context) (watch.Interface, error) {
			watches++
			return w, nil
		}}
		if record, _, err := l.Get(ctx); err != nil || record.HolderIdentity != "another" || watches != 1 {
			t.Errorf("the lead is %+v, %v, after %d watches", record, err, watches)
		}
		if _, open := <-w.ResultChan(); open {
			t.Error("the watch goes on")
		}
	}
}

// The election keeps the bytes, to notice a change.
func TestALeadThatWasAbandoned_HasNoHolderInItsBytesEither(t *testing.T) {
	now := time.Now().Truncate(time.Microsecond)
	client := fake.NewClientset(&coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: leaderElectionID},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("another"), RenewTime: &metav1.MicroTime{Time: now.Add(-abandonedAfter)}},
	})
	lease := &resourcelock.LeaseLock{Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = "ns", leaderElectionID
	record, raw, err := (&lock{Interface: lease, clock: testingclock.NewFakeClock(now)}).Get(t.Context())
	if err != nil || record.HolderIdentity != "" || strings.Contains(string(raw), "another") {
		t.Errorf("the lead is %+v, %s, %v", record, raw, err)
	}
}
