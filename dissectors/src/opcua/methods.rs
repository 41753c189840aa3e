//! Methods that the specification itself defines, by their numbers in its own namespace (`NodeIds.csv`).
//! Those of a machine's own are known only to the machine, and so to policy by their identifiers.

use super::NodeId;
use crate::Class;

/// What calling a method does; unknown is unknown.
pub fn class(method: &NodeId<'_>) -> Class {
    let Some(number) = method.standard() else { return Class::Unknown };
    let found = METHODS.binary_search_by_key(&number, |row| row.0).ok();
    found.and_then(|at| METHODS.get(at)).map_or(Class::Unknown, |row| row.1)
}

/// Number, class, and the name in the specification.
static METHODS: [(u32, Class, &str); 58] = [
    (2426, Class::Mode, "ProgramStateMachineType.Start"),
    (2427, Class::Mode, "ProgramStateMachineType.Suspend"),
    (2428, Class::Mode, "ProgramStateMachineType.Resume"),
    (2429, Class::Mode, "ProgramStateMachineType.Halt"),
    (2430, Class::Mode, "ProgramStateMachineType.Reset"),
    (2947, Class::Alarm, "ShelvedStateMachineType.Unshelve"),
    (2948, Class::Alarm, "ShelvedStateMachineType.OneShotShelve"),
    (2949, Class::Alarm, "ShelvedStateMachineType.TimedShelve"),
    (3875, Class::Subscribe, "ConditionType.ConditionRefresh"),
    (9027, Class::Alarm, "ConditionType.Enable"),
    (9028, Class::Alarm, "ConditionType.Disable"),
    (9029, Class::Alarm, "ConditionType.AddComment"),
    (9069, Class::Alarm, "DialogConditionType.Respond"),
    (9111, Class::Alarm, "AcknowledgeableConditionType.Acknowledge"),
    (9113, Class::Alarm, "AcknowledgeableConditionType.Confirm"),
    (9212, Class::Alarm, "AlarmConditionType.ShelvingState.OneShotShelve"),
    (9213, Class::Alarm, "AlarmConditionType.ShelvingState.TimedShelve"),
    (11489, Class::Subscribe, "ServerType.GetMonitoredItems"),
    (11492, Class::Subscribe, "Server.GetMonitoredItems"),
    (11580, Class::FileWrite, "FileType.Open"),
    (11583, Class::FileWrite, "FileType.Close"),
    (11585, Class::FileRead, "FileType.Read"),
    (11588, Class::FileWrite, "FileType.Write"),
    (11590, Class::FileRead, "FileType.GetPosition"),
    (11593, Class::FileRead, "FileType.SetPosition"),
    (12543, Class::Config, "TrustListType.OpenWithMasks"),
    (12546, Class::Config, "TrustListType.CloseAndUpdate"),
    (12548, Class::Config, "TrustListType.AddCertificate"),
    (12550, Class::Config, "TrustListType.RemoveCertificate"),
    (12616, Class::Config, "ServerConfigurationType.UpdateCertificate"),
    (12731, Class::Config, "ServerConfigurationType.CreateSigningRequest"),
    (12734, Class::Config, "ServerConfigurationType.ApplyChanges"),
    (12737, Class::Config, "ServerConfiguration.CreateSigningRequest"),
    (12740, Class::Config, "ServerConfiguration.ApplyChanges"),
    (12746, Class::Subscribe, "ServerType.SetSubscriptionDurable"),
    (12749, Class::Subscribe, "Server.SetSubscriptionDurable"),
    (12775, Class::Discover, "ServerConfigurationType.GetRejectedList"),
    (12777, Class::Discover, "ServerConfiguration.GetRejectedList"),
    (12871, Class::Subscribe, "ServerType.ResendData"),
    (12873, Class::Subscribe, "Server.ResendData"),
    (12883, Class::Mode, "ServerType.RequestServerStateChange"),
    (12886, Class::Mode, "Server.RequestServerStateChange"),
    (12912, Class::Subscribe, "ConditionType.ConditionRefresh2"),
    (13387, Class::FileWrite, "FileDirectoryType.CreateDirectory"),
    (13390, Class::FileWrite, "FileDirectoryType.CreateFile"),
    (13393, Class::FileWrite, "FileDirectoryType.DeleteFileSystemObject"),
    (13395, Class::FileWrite, "FileDirectoryType.MoveOrCopy"),
    (13605, Class::Config, "CertificateGroupType.TrustList.Open"),
    (13608, Class::Config, "CertificateGroupType.TrustList.Close"),
    (13610, Class::Discover, "CertificateGroupType.TrustList.Read"),
    (13613, Class::Config, "CertificateGroupType.TrustList.Write"),
    (13621, Class::Config, "CertificateGroupType.TrustList.OpenWithMasks"),
    (13624, Class::Config, "CertificateGroupType.TrustList.CloseAndUpdate"),
    (13627, Class::Config, "CertificateGroupType.TrustList.AddCertificate"),
    (13629, Class::Config, "CertificateGroupType.TrustList.RemoveCertificate"),
    (13737, Class::Config, "ServerConfiguration.UpdateCertificate"),
    (14602, Class::Config, "PubSubConnectionType.Status.Enable"),
    (16403, Class::Alarm, "AlarmConditionType.Suppress"),
];

/// Whether the numbers rise, as the search needs them.
#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    METHODS.is_sorted_by_key(|row| row.0)
}
