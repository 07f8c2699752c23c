// Package bootstrap is the part of the command line that works before there is a cluster: it writes additional manifests for openshift-install,
// and fills initial credentials into manifests and into the profile that the installer itself uses.
//
//   - install-manifests writes the operator, its CAPCredentialSet and one Secret per CredentialsRequest.
//   - seed fills credentials of a C2S Access Portal into Secrets among the manifests and into ~/.aws/credentials.
//
// Both prepare everything before they write anything, so that an error changes nothing, and neither prints a secret.
package bootstrap
