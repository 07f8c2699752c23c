package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

func newApproveCommand(env environment) *cobra.Command {
	var after string
	cmd := &cobra.Command{
		Use:   "approve NAME",
		Short: "Approve the rotation that a PullSecretRotation with approval: BeforeRequest is waiting for",
		Long: "Approve the rotation that is due now or, with --after, the next one in advance. The approval applies to this rotation only: it is written\n" +
			"to the annotation " + v1alpha1.ApprovedAnnotation + " as the time after which the rotation is due.",
		Args:              oneName("PullSecretRotation", "oc get psr"),
		ValidArgsFunction: completeNames(env, func() client.ObjectList { return &v1alpha1.PullSecretRotationList{} }),
		RunE: func(cmd *cobra.Command, args []string) error {
			var wanted *time.Time
			if after != "" {
				t, err := time.Parse(time.RFC3339, after)
				if err != nil {
					return errors.New("--after needs a time such as 2026-11-20T00:00:00Z")
				}
				wanted = &t
			}
			return approve(cmd, env, args[0], wanted)
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "approve the rotation that is due after this time (RFC 3339; default: the one that is due now)")
	return cmd
}

func approve(cmd *cobra.Command, env environment, name string, wanted *time.Time) error {
	c, err := env.connect()
	if err != nil {
		return err
	}
	object := &v1alpha1.PullSecretRotation{}
	if err := c.Get(cmd.Context(), client.ObjectKey{Name: name}, object); err != nil {
		return fmt.Errorf("reading PullSecretRotation %s: %w", name, err)
	}
	now := env.clock.Now()
	t, err := decide.ToApprove(object, wanted, now)
	if err != nil {
		return err
	}
	done := "Approved"
	if decide.Approves(object, t) {
		done = "Already approved"
	} else {
		before := object.DeepCopy()
		metav1.SetMetaDataAnnotation(&object.ObjectMeta, v1alpha1.ApprovedAnnotation, t.UTC().Format(time.RFC3339))
		// The update carries the version that was read, so that a T changed in the meantime is not approved.
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := c.Patch(cmd.Context(), object, patch, client.FieldOwner(managedfields.Approval)); err != nil {
			return fmt.Errorf("approving PullSecretRotation %s: %w", name, err)
		}
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: the rotation of PullSecretRotation %s that is due at %s (%s). A later one needs an approval of its own.\n",
		done, name, t.UTC().Format(time.RFC3339), relative(t, now))
	return err
}
