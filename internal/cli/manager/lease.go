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

// lock is a Lease without a holder once it has been abandoned.
type lock struct {
	resourcelock.Interface
	clock clock.PassiveClock
}

// newLock makes the lock for leader election; rights observes the answers to its requests.
func newLock(config *rest.Config, rights *leaseRights, namespace string, renewDeadline time.Duration) (resourcelock.Interface, error) {
	me, err := identity()
	if err != nil {
		return nil, err
	}
	config = rest.AddUserAgent(rights.watch(config), "leader-election")
	// Less than the deadline, so that one hanging request does not lose the lead.
	config.Timeout = max(renewDeadline/2, time.Second)
	leases, err := coordinationv1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for the Lease: %w", err)
	}
	lease := &resourcelock.LeaseLock{Client: leases, LockConfig: resourcelock.ResourceLockConfig{Identity: me}}
	lease.LeaseMeta.Namespace, lease.LeaseMeta.Name = namespace, leaderElectionID
	return &lock{Interface: lease, clock: clock.RealClock{}}, nil
}

// Get hides the holder of an abandoned Lease.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil || record == nil || record.HolderIdentity == l.Identity() || l.clock.Since(record.RenewTime.Time) < abandonedAfter {
		return record, raw, err
	}
	record.HolderIdentity = ""
	raw, err = json.Marshal(record)
	return record, raw, err
}
