package commands

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func newRefreshCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh NAME",
		Short: "Have a CAPCredentialSet fetch every credential anew that is older than now",
		Long: "Have a CAPCredentialSet fetch every credential anew that is older than now, by the annotation " + v1alpha1.RefreshRequestedAnnotation + ".\n" +
			"The credentials in use stay until the portal has given good new ones.",
		Args:              oneName("CAPCredentialSet", "oc get capset"),
		ValidArgsFunction: completeNames(env, func() client.ObjectList { return &v1alpha1.CAPCredentialSetList{} }),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := env.connect()
			if err != nil {
				return err
			}
			set := &v1alpha1.CAPCredentialSet{}
			if err := c.Get(cmd.Context(), client.ObjectKey{Name: args[0]}, set); err != nil {
				return fmt.Errorf("reading CAPCredentialSet %s: %w", args[0], err)
			}
			if set.Spec.Suspend {
				return fmt.Errorf("CAPCredentialSet %s is suspended: nothing is fetched until spec.suspend is false", args[0])
			}
			at := env.clock.Now().UTC().Format(time.RFC3339)
			before := set.DeepCopy()
			metav1.SetMetaDataAnnotation(&set.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, at)
			if err := c.Patch(cmd.Context(), set, client.MergeFrom(before)); err != nil {
				return fmt.Errorf("annotating CAPCredentialSet %s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Requested: CAPCredentialSet %s fetches every credential anew that is older than %s.\n", args[0], at)
			return err
		},
	}
}
