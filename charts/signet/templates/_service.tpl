{{/*
A Service with one port. kubeseal asks the Service for the name of the port. context, name, suffix, values, labels.
*/}}
{{- define "signet.service" }}
{{- $context := .context }}
{{- $exposed := has .values.type (list "NodePort" "LoadBalancer") }}
apiVersion: v1
kind: Service
metadata:
  {{- include "signet.metadata" (dict "context" $context "name" (printf "%s%s" (include "signet.fullname" $context) .suffix) "namespace" (include "signet.namespace" $context) "labels" (list .values.labels .labels) "annotations" (list .values.annotations)) | nindent 2 }}
spec:
  type: {{ .values.type }}
  {{- with .values.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  ports:
    - name: {{ .name }}
      port: {{ include "signet.scalar" .values.port }}
      targetPort: {{ .name }}
      protocol: TCP
      {{- if and $exposed .values.nodePort }}
      nodePort: {{ include "signet.scalar" .values.nodePort }}
      {{- end }}
  selector:
    {{- include "signet.matchLabels" $context | nindent 4 }}
{{- end -}}
