package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/watch"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
)

// podNameVariable is the environment variable with the pod's own name (downward API).
const podNameVariable = "POD_NAME"

// abandonedAfter is how long after its last renewal a Lease counts as abandoned. It is many times the lease duration, so that replicas whose
// clocks are minutes apart do not take the lead from each other. After a long shutdown the new process takes the lead at once instead of watching
// the Lease for its whole duration.
const abandonedAfter = 30 * time.Minute

// identity identifies this process to other replicas. With a pod's name, which belongs to one process at a time, a restarted container keeps the
// lead without a wait; without one, each process has a new identity.
func identity() (string, error) {
	if pod := os.Getenv(podNameVariable); pod != "" {
		return pod, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("finding a name for this process: %w", err)
	}
	return host + "_" + string(uuid.NewUUID()), nil
}

// lock is a Lease without a holder once it has been abandoned. A replica that does not hold it watches it, and takes the lead as soon as the
// leader gives it up, not at its next try.
type lock struct {
	resourcelock.Interface
	clock clock.Clock
	// duration is how long a Lease is valid without being renewed.
	duration time.Duration
	// watch opens a watch of the Lease. If nil, the Lease is read at each try of the election.
	watch func(ctx context.Context) (watch.Interface, error)

	// seen is the Lease as last read, and since is when it was first read like that, by the clock of this process.
	seen  []byte
	since time.Time
}

// newLock makes the lock for leader election; rights observes the answers to its requests.
func newLock(config *rest.Config, rights *leaseRights, namespace string, o options) (resourcelock.Interface, error) {
	me, err := identity()
	if err != nil {
		return nil, err
	}
	// Less than the deadline, so that one hanging request does not lose the lead.
	leases, err := leaseClient(rights.watch(config), max(o.renewDeadline/2, time.Second))
	if err != nil {
		return nil, err
	}
	watched, err := leaseClient(config, 0)
	if err != nil {
		return nil, err
	}
	lease := &resourcelock.LeaseLock{Client: leases, LockConfig: resourcelock.ResourceLockConfig{Identity: me}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = namespace, leaderElectionID
	return &lock{Interface: lease, clock: clock.RealClock{}, duration: o.leaseDuration, watch: func(ctx context.Context) (watch.Interface, error) {
		return watched.Leases(namespace).Watch(ctx, metav1.ListOptions{
			FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, leaderElectionID).String(), TimeoutSeconds: ptr.To(int64(watchFor.Seconds())),
		})
	}}, nil
}

// watchFor is how long a watch of the Lease may last.
const watchFor = 24 * time.Hour

func leaseClient(config *rest.Config, timeout time.Duration) (coordinationv1client.CoordinationV1Interface, error) {
	own := rest.AddUserAgent(rest.CopyConfig(config), "leader-election")
	own.Timeout = timeout
	leases, err := coordinationv1client.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for the Lease: %w", err)
	}
	return leases, nil
}

// Get returns the Lease once there is something to do about it: it has no holder, or belongs to this process.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	for {
		record, raw, err := l.read(ctx)
		if err != nil || !l.others(record) || l.watch == nil {
			return record, raw, err
		}
		changes := l.open(ctx)
		if changes == nil {
			return record, raw, nil // the election tries again
		}
		// The watch does not report what changed before it began.
		if record, raw, err = l.read(ctx); err != nil || !l.others(record) {
			changes.Stop()
			return record, raw, err
		}
		changed := l.changes(ctx, changes.ResultChan())
		changes.Stop()
		if !changed {
			return record, raw, nil
		}
	}
}

// open opens a watch of the Lease. It is nil if that fails, such as for want of the right to.
func (l *lock) open(ctx context.Context) watch.Interface {
	changes, err := l.watch(ctx)
	if err != nil {
		return nil
	}
	return changes
}

// others is true if another process holds the Lease.
func (l *lock) others(record *resourcelock.LeaderElectionRecord) bool {
	return record != nil && record.HolderIdentity != "" && record.HolderIdentity != l.Identity()
}

// changes waits until the Lease has changed or has expired. It is false if the watch has ended.
func (l *lock) changes(ctx context.Context, events <-chan watch.Event) bool {
	expires := l.clock.NewTimer(l.since.Add(l.duration).Sub(l.clock.Now()))
	defer expires.Stop()
	for {
		select {
		case event := <-events:
			switch event.Type {
			case watch.Modified, watch.Deleted:
				return true
			case watch.Added: // a watch begins with it
				continue
			}
			return false
		case <-expires.C():
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// read hides the holder of a Lease that has expired under the eyes of this process, or that was abandoned long ago by its own time.
func (l *lock) read(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(raw, l.seen) {
		l.seen, l.since = bytes.Clone(raw), l.clock.Now()
	}
	expired := l.watch != nil && l.clock.Since(l.since) >= l.duration
	if !l.others(record) || !expired && l.clock.Since(record.RenewTime.Time) < abandonedAfter {
		return record, raw, nil
	}
	record.HolderIdentity = ""
	raw, err = json.Marshal(record)
	return record, raw, err
}
