package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// refreshPoll is how often --wait looks. A refresh takes seconds.
const refreshPoll = time.Second

func newRefreshCommand(env environment) *cobra.Command {
	var waits bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "refresh NAME",
		Short: "Make a CAPCredentialSet refresh every credential that is older than now",
		Long: "Make a CAPCredentialSet refresh every credential that is older than now. It sets the annotation " + v1alpha1.RefreshRequestedAnnotation + ".\n" +
			"The current credentials stay until CAP has returned good new ones. With --wait, the command ends when every credential is new.",
		Args:              oneName("CAPCredentialSet", "oc get capset"),
		ValidArgsFunction: completeNames(env, func() client.ObjectList { return &v1alpha1.CAPCredentialSetList{} }),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := env.connect()
			if err != nil {
				return err
			}
			at, err := requestRefresh(cmd.Context(), c, args[0], env.clock.Now())
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "Requested: CAPCredentialSet %s refreshes every credential that is older than %s.\n", args[0], at); err != nil {
				return err
			}
			if !waits {
				return nil
			}
			return awaitRefresh(cmd.Context(), c, args[0], at, timeout, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&waits, "wait", false, "wait until every credential is new")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait")
	return cmd
}

// requestRefresh annotates the set and returns the annotation's value.
func requestRefresh(ctx context.Context, c client.Client, name string, now time.Time) (string, error) {
	set := &v1alpha1.CAPCredentialSet{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, set); err != nil {
		return "", fmt.Errorf("reading CAPCredentialSet %s: %w", name, err)
	}
	if set.Spec.Suspend {
		return "", fmt.Errorf("CAPCredentialSet %s is suspended, so nothing is refreshed: set spec.suspend to false", name)
	}
	at := now.UTC().Format(time.RFC3339)
	before := set.DeepCopy()
	metav1.SetMetaDataAnnotation(&set.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, at)
	if err := c.Patch(ctx, set, client.MergeFrom(before)); err != nil {
		return "", fmt.Errorf("annotating CAPCredentialSet %s: %w", name, err)
	}
	return at, nil
}

// awaitRefresh waits until the operator has carried out the request with that value. On timeout, the error holds the operator's last message.
func awaitRefresh(ctx context.Context, c client.Client, name, at string, timeout time.Duration, out io.Writer) error {
	set := &v1alpha1.CAPCredentialSet{}
	var unread error // why it could not be read at the last look
	err := wait.PollUntilContextTimeout(ctx, refreshPoll, timeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKey{Name: name}, set); err != nil {
			unread = fmt.Errorf("reading CAPCredentialSet %s: %w", name, err)
			if refused(err) {
				return false, unread
			}
			return false, nil
		}
		unread = nil
		if requested := set.Annotations[v1alpha1.RefreshRequestedAnnotation]; requested != at && set.Status.LastHandledRefresh != at {
			return false, fmt.Errorf("another refresh of CAPCredentialSet %s has been requested in the meantime (%.40q): wait for that one", name, requested)
		}
		return set.Status.LastHandledRefresh == at, nil
	})
	switch {
	case err == nil:
		_, err = fmt.Fprintf(out, "Done: %s credentials are fresh.\n", printable(set.Status.Credentials))
		return err
	case !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		return err
	case unread != nil:
		return fmt.Errorf("it is unknown after %s whether every credential is new: %w", timeout, unread)
	}
	return fmt.Errorf("not every credential is new after %s. %s", timeout, lastWords(set))
}

// refused is true for an answer that would be the same at the next look. An API server that restarts, or is busy, gives none such.
func refused(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code/100 == 4 && !apierrors.IsTooManyRequests(err)
}

// lastWords is the message of the condition Ready.
func lastWords(set *v1alpha1.CAPCredentialSet) string {
	ready := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "The operator has not reported anything yet: check that it is running."
	}
	return ready.Reason + ": " + ready.Message
}
