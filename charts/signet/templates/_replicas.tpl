{{/*
Several replicas: how many, who works, and where they run.
*/}}

{{- define "signet.replicas" -}}
{{- include "signet.scalar" .Values.replicas -}}
{{- end -}}

{{- define "signet.severalReplicas" -}}
{{- if gt (int .Values.replicas) 1 -}}true{{- end -}}
{{- end -}}

{{/*
Several replicas without a Lease would all work at a time: then it is an error if the Lease may not be used.
*/}}
{{- define "signet.leaderElect" -}}
{{- $word := include "signet.word" .Values.leaderElect -}}
{{- if include "signet.severalReplicas" . -}}
{{- if eq $word "off" -}}
{{- fail "leaderElect=off and more than one replica: all would work at the same time" -}}
{{- end -}}
on
{{- else -}}
{{- $word -}}
{{- end -}}
{{- end -}}

{{/*
Replicas on one node would go with it.
*/}}
{{- define "signet.affinity" -}}
{{- if .Values.affinity -}}
{{- include "signet.render" (dict "value" .Values.affinity "context" .) -}}
{{- else if include "signet.severalReplicas" . -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "signet.matchLabels" . | nindent 12 }}
{{- end -}}
{{- end -}}

{{/*
With one replica a budget only holds back the draining of nodes, so it must be asked for.
*/}}
{{- define "signet.pdb" -}}
{{- if kindIs "bool" .Values.pdb.create -}}
{{- if .Values.pdb.create -}}true{{- end -}}
{{- else -}}
{{- include "signet.severalReplicas" . -}}
{{- end -}}
{{- end -}}
