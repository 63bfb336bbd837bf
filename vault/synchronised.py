"""Folders that a service copies to other computers, recognised by their names and by what the service leaves in them.

Nothing is asked of a service. A folder whose name the person chose, without a trace in it, is not recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Dropbox": ("Dropbox",),
    "OneDrive": ("OneDrive",),
    "Google Drive": ("Google Drive", "GoogleDrive", "My Drive", "我的云端硬盘", "我的雲端硬碟"),
    "iCloud": ("Mobile Documents", "iCloudDrive", "iCloud Drive"),
    "CloudStorage": ("CloudStorage",),
    "Nextcloud": ("Nextcloud",),
    "ownCloud": ("ownCloud",),
    "Seafile": ("Seafile", "SeaDrive"),
    "pCloud": ("pCloud Drive", "pCloudDrive", "pCloud Sync"),
    "MEGA": ("MEGA", "MEGAsync"),
    "Nutstore (坚果云)": ("Nutstore", "Nutstore Files", "坚果云", "我的坚果云"),
    "Baidu (百度网盘)": ("BaiduSyncdisk", "BaiduNetdisk", "BaiduNetdiskWorkspace", "百度网盘", "百度云同步盘"),
    "Weiyun (微云)": ("Weiyun", "微云", "腾讯微云"),
    "Aliyun Drive (阿里云盘)": ("aDrive", "阿里云盘"),
    "WPS (WPS云盘)": ("WPSDrive", "WPS云盘"),
    "Yandex Disk": ("Yandex.Disk", "YandexDisk"),
    "Box": ("Box Sync",),
    "Proton Drive": ("Proton Drive", "ProtonDrive"),
    "Resilio Sync": ("Resilio Sync",),
    "Synology Drive": ("SynologyDrive",),
    "Tresorit": ("Tresorit",),
    "Jottacloud": ("Jottacloud",),
    "kDrive": ("kDrive",),
}
_MARKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Dropbox": (".dropbox.cache",),
    "OneDrive": (".849C9593-D756-4E56-8D6E-42412F2A707B",),
    "Google Drive": (".tmp.drivedownload", ".tmp.driveupload"),
    "Syncthing": (".stfolder",),
    "Nextcloud or ownCloud": (".sync_*.db", "._sync_*.db", ".nextcloudsync.log", ".owncloudsync.log"),
    "Seafile": (".seafile-data",),
    "MEGA": (".megaignore",),
    "Resilio Sync": (".sync/ID",),
    "Synology Drive": (".SynologyWorkingDirectory",),
    "Tresorit": (".tresorit",),
}
# A second account, or a company, makes 'OneDrive - Name', 'Dropbox (Name)' or 'Nextcloud2' of the name.
_SUFFIX: Final = r"(?: - .+| \(.+\)|\d+)?"


def service_of(path: Path) -> str:
    """Return the name of the service that a folder belongs to, or an empty string.

    What lies in a folder of a service belongs to it too: the caller asks for every folder on the way.
    """
    for service, names in _FOLDERS.items():
        if any(re.fullmatch(re.escape(name) + _SUFFIX, path.name) for name in names):
            return service
    for service, patterns in _MARKERS.items():
        if any(next(path.glob(pattern), None) for pattern in patterns):
            return service
    return ""


def service_of_windows(way: Iterable[Path], environment: Mapping[str, str]) -> str:
    """Return ``"OneDrive"`` when a folder on the way is one that Windows names in a variable as OneDrive's."""
    roots = {Path(value) for name, value in environment.items() if name.upper().startswith("ONEDRIVE") and value}
    return "" if roots.isdisjoint(way) else "OneDrive"
