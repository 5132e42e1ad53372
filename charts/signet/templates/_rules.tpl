{{/*
What the controller does in a namespace whose SealedSecrets it serves. A test compares this with the API server's audit log.
*/}}
{{- define "signet.rules" -}}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [get, list, watch]
{{- if .Values.updateStatus }}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [update]
{{- end }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update{{ if .Values.oldGcBehavior }}, delete{{ end }}]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "signet.subjects" -}}
- kind: ServiceAccount
  name: {{ include "signet.serviceAccountName" . }}
  namespace: {{ include "signet.namespace" . }}
{{- end -}}
