package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

// podNameVariable is where the Deployment puts the pod's own name (downward API).
const podNameVariable = "POD_NAME"

// abandonedAfter is how long ago a Lease must have been renewed last to be nobody's. It is many times the lease duration, so
// that clocks that are minutes apart do not take the lead from each other; after a shutdown of days it is taken at once, and not
// only when the new process has watched it for as long as it is valid.
const abandonedAfter = 30 * time.Minute

// identity is who this process is to the others. A pod's name is that of one process at a time, so a container that is
// restarted goes on leading without a wait; without one, each process is somebody else.
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

// lock is a Lease that is nobody's once it has been abandoned.
type lock struct {
	resourcelock.Interface
	clock clock.PassiveClock
}

// newLock makes the lock by which replicas elect a leader; rights learn from the answers to it.
func newLock(config *rest.Config, rights *leaseRights, namespace string, renewDeadline time.Duration) (resourcelock.Interface, error) {
	me, err := identity()
	if err != nil {
		return nil, err
	}
	config = rest.AddUserAgent(rights.watch(config), "leader-election")
	// Less than the deadline, so that one request that hangs does not lose the lead.
	config.Timeout = max(renewDeadline/2, time.Second)
	leases, err := coordinationv1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for the Lease: %w", err)
	}
	lease := &resourcelock.LeaseLock{Client: leases, LockConfig: resourcelock.ResourceLockConfig{Identity: me}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = namespace, leaderElectionID
	return &lock{Interface: lease, clock: clock.RealClock{}}, nil
}

// Get shows a Lease without its holder when that has not renewed it for long.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil || record == nil || record.HolderIdentity == l.Identity() || l.clock.Since(record.RenewTime.Time) < abandonedAfter {
		return record, raw, err
	}
	record.HolderIdentity = ""
	raw, err = json.Marshal(record)
	return record, raw, err
}
